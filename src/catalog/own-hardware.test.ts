import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hardwareCost, hourly, MachineSpeed, MachineTime } from './own-hardware.ts'

test('without a word about the machine an answer costs nothing and says why', () => {
  expect(hardwareCost(hourly({}), 5000)).toEqual({ usd: 0, price: 'own hardware' })
})

test('an hour costs its electricity and its share of the machine, or what is said', () => {
  const stated = { watts: 400, perKWh: 0.3, bought: 3000, lifetimeHours: 10_000 }
  expect(hourly(stated)).toBeCloseTo(0.4 * 0.3 + 0.3)
  expect(hourly({ ...stated, perHour: 2 })).toBe(2)
  expect(hardwareCost(2, 1_800_000)).toEqual({ usd: 1, price: 'own hardware: 2.00 $/h' })
})

test('two that run at once pay half each', () => {
  const machine = new MachineTime()
  const first = machine.begin(1000)
  const second = machine.begin(2000)
  expect(machine.end(first, 4000)).toBe(2000)
  expect(machine.end(second, 5000)).toBe(2000)
})

test('however requests overlap, all of them together are charged the time in which any of them ran', () => {
  const span = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 500 }))
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 30 }), (spans) => {
      const machine = new MachineTime()
      const moments = spans.flatMap(([from, length], index) => [
        { at: from, index, begins: true },
        { at: from + length, index, begins: false },
      ])
      // A request that takes no time begins before it ends.
      moments.sort((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins))
      const begun = new Map<number, number>()
      let charged = 0
      for (const { at, index, begins } of moments) {
        if (begins) begun.set(index, machine.begin(at))
        else charged += machine.end(begun.get(index) ?? 0, at)
      }
      let busy = 0
      for (let moment = 0; moment < 1500; moment++) {
        if (spans.some(([from, length]) => from <= moment && moment < from + length)) busy++
      }
      expect(charged).toBeCloseTo(busy, 6)
    }),
  )
})

test('what a request will take is told from what others took, of late more than long ago', () => {
  const usage = (input: number, output: number) => ({
    inputTokens: { total: input, cacheRead: 0 },
    outputTokens: { total: output, reasoning: 0 },
  })
  const speed = new MachineSpeed()
  expect(speed.expected(usage(100, 100))).toBe(0)
  speed.learn(usage(100, 90), 1000)
  expect(speed.expected(usage(0, 10))).toBeCloseTo(100)
  for (let time = 0; time < 500; time++) speed.learn(usage(0, 100), 200)
  expect(speed.expected(usage(0, 10))).toBeCloseTo(20, 3)
})
