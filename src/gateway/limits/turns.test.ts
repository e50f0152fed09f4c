import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Gate, letThrough } from './gate.ts'
import { Turns } from './turns.ts'

const settings = { queue: 1000, maxWaitSeconds: 60 }

interface Passing {
  readonly keyId: string
  readonly gates: readonly Gate[]
  state: 'waits' | 'runs' | 'over'
  leave?: () => void
  error?: unknown
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

function arrive(turns: Turns, keyId: string, gates: readonly Gate[], signal = new AbortController().signal): Passing {
  const passing: Passing = { keyId, gates, state: 'waits' }
  const run = (leave: () => void) => {
    passing.state = 'runs'
    passing.leave = leave
  }
  const fail = (error: unknown) => {
    passing.state = 'over'
    passing.error = error
  }
  const asked = { keyId, gates, what: () => 'full', deadlineAt: undefined, signal }
  try {
    const turn = turns.take(asked)
    if (turn instanceof Promise) void turn.then(run, fail)
    else run(turn)
  } catch (error) {
    fail(error)
  }
  return passing
}

function end(passing: Passing): void {
  passing.state = 'over'
  passing.leave?.()
}

function gateOf(limit: number): Gate {
  const gate = new Gate()
  gate.limit = limit
  return gate
}

describe('turns', () => {
  test('never more run than may, those of a key in order, and all of them in the end', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('arrive' as const), key: fc.nat(3), model: fc.nat(1) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(1000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(1000) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('limit' as const),
          gate: fc.nat(6),
          to: fc.integer({ min: 1, max: 4 }),
        }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const turns = new Turns(settings)
        const keys = [gateOf(2), gateOf(1), gateOf(3), gateOf(Infinity)]
        const team = gateOf(3)
        const models = [gateOf(2), gateOf(Infinity)]
        const gates = [...keys, team, ...models]
        const all: (Passing & { controller?: AbortController })[] = []
        let lowered = false
        for (const each of steps) {
          if (each.do === 'arrive') {
            const controller = new AbortController()
            const through = [keys[each.key], team, models[each.model]].filter((gate) => gate !== undefined)
            all.push(Object.assign(arrive(turns, `key-${each.key}`, through, controller.signal), { controller }))
          } else if (each.do === 'limit') {
            const gate = gates[each.gate]
            if (gate) {
              lowered ||= each.to < gate.limit
              gate.limit = each.to
              letThrough(gate)
            }
          } else {
            const running = all.filter(({ state }) => state === (each.do === 'end' ? 'runs' : 'waits'))
            const one = running[each.which % Math.max(1, running.length)]
            if (one && each.do === 'end') end(one)
            else one?.controller?.abort(new Error('left'))
          }
          await settled()
          for (const gate of gates) {
            const running = all.filter(({ state, gates }) => state === 'runs' && gates.includes(gate)).length
            expect(gate.running).toBe(running)
            // Whoever runs already is not thrown out by a lower limit.
            if (!lowered) expect(running).toBeLessThanOrEqual(gate.limit)
          }
          // Nobody waits for nothing, and of those who want the same nobody overtakes.
          const waiting = all.filter(({ state }) => state === 'waits')
          for (const one of waiting) expect(one.gates.some(({ isFull }) => isFull)).toBe(true)
          for (const [index, one] of all.entries()) {
            if (one.state !== 'runs') continue
            const before = all.slice(0, index).filter(({ state }) => state === 'waits')
            for (const other of before) {
              const same = other.keyId === one.keyId && other.gates.every((gate, place) => gate === one.gates[place])
              expect(same).toBe(false)
            }
          }
        }
        while (all.some(({ state }) => state === 'runs')) {
          for (const one of all.filter(({ state }) => state === 'runs')) end(one)
          await settled()
        }
        expect(all.filter(({ state }) => state !== 'over')).toEqual([])
        for (const gate of gates) expect(gate.isIdle).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('keys take turns, however many requests one of them sends', async () => {
    const turns = new Turns(settings)
    const gate = gateOf(1)
    const first = arrive(turns, 'greedy', [gate])
    const all = [
      ...Array.from({ length: 5 }, () => arrive(turns, 'greedy', [gate])),
      ...Array.from({ length: 2 }, () => arrive(turns, 'modest', [gate])),
    ]
    const order: string[] = []
    end(first)
    for (let served = 0; served < all.length; served++) {
      await settled()
      const running = all.find(({ state }) => state === 'runs')
      if (!running) throw new Error('nobody runs')
      order.push(running.keyId)
      end(running)
    }
    expect(order).toEqual(['greedy', 'modest', 'greedy', 'modest', 'greedy', 'greedy', 'greedy'])
  })

  test('a queue that is full refuses, and one that waited too long is told so', async () => {
    const gate = gateOf(1)
    const short = new Turns({ queue: 1, maxWaitSeconds: 0.02 })
    arrive(short, 'key', [gate])
    const waits = arrive(short, 'key', [gate])
    const refused = arrive(short, 'key', [gate])
    expect(refused.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
    await expect.poll(() => waits.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
    expect(gate.waiting('key')).toBe(0)
  })

  test('a deadline ends the wait', async () => {
    const gate = gateOf(1)
    const turns = new Turns(settings)
    arrive(turns, 'key', [gate])
    const deadlineAt = performance.now() + 20
    const { signal } = new AbortController()
    const asked = { keyId: 'key', gates: [gate], what: () => 'full', deadlineAt, signal }
    await expect(turns.take(asked)).rejects.toMatchObject({ code: 'deadline_exceeded' })
  })
})
