import { expect, test } from 'vitest'
import { CrowdedCores } from './crowded-cores.ts'

/** Evaluates for so long, while the threads get a share of the cores that they want; counts the steps with one thread. */
function machine(threads: number) {
  let now = 0
  let cpuMs = 0
  let current = threads
  const set: number[] = []
  const cores = new CrowdedCores({
    threads,
    cpuMs: () => cpuMs,
    setThreads: (count) => {
      set.push(count)
      current = count
    },
  })
  const run = (milliseconds: number, stepMs: number, share: number, betweenMs = 0) => {
    let alone = 0
    for (const end = now + milliseconds; now < end;) {
      cores.begins(now)
      if (current === 1) alone++
      now += stepMs
      // One thread waits for nobody.
      cpuMs += stepMs * (current === 1 ? 1 : share * current)
      cores.ends(now, stepMs)
      now += betweenMs
    }
    return alone
  }
  return { run, set, cores }
}

test('all threads are used as long as they have their cores', () => {
  const { run, set } = machine(4)
  run(5000, 3, 0.97)
  run(5000, 200, 0.9)
  expect(set).toEqual([])
})

test('one thread evaluates where others have the cores, and all are tried again at longer and longer intervals', () => {
  const { run, set, cores } = machine(4)
  run(500, 100, 0.1)
  expect(cores.isCrowded).toBe(true)
  expect(set).toEqual([1])
  run(100_000, 10, 0.1)
  // After 1, 2, 4, 8, 16 and 30 seconds.
  expect(set.filter((count) => count === 4).length).toBeGreaterThanOrEqual(6)
  expect(set.filter((count) => count === 4).length).toBeLessThanOrEqual(9)
  run(31_000, 10, 1)
  expect(cores.isCrowded).toBe(false)
})

test('a machine with nothing to do, and a single thread, say nothing', () => {
  const idle = machine(4)
  idle.run(5000, 1, 0, 100)
  expect(idle.set).toEqual([])
  const single = machine(1)
  single.run(5000, 10, 0.1)
  expect(single.set).toEqual([])
})
