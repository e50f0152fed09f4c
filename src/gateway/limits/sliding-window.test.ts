import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SlidingWindow } from './sliding-window.ts'

const windowMs = 60_000
const slotMs = windowMs / 60

const arrivals = fc.array(
  fc.record({
    after: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20_000 }), fc.constant(windowMs)),
    amount: fc.integer({ min: 1, max: 40 }),
  }),
  { maxLength: 200 },
)

interface Taken {
  readonly at: number
  readonly amount: number
}

const sum = (taken: readonly Taken[]) => taken.reduce((total, { amount }) => total + amount, 0)

test('in no window is more taken than allowed, and nothing is refused that a window and a slot have room for', () => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 100 }), (all, limit) => {
      const window = new SlidingWindow(windowMs)
      const taken: Taken[] = []
      let now = 0
      for (const { after, amount } of all) {
        now += after
        if (window.taken(now) + amount <= limit) {
          window.take(amount, now)
          taken.push({ at: now, amount })
          expect(sum(taken.filter(({ at }) => at > now - windowMs))).toBeLessThanOrEqual(limit)
        } else {
          expect(sum(taken.filter(({ at }) => at > now - windowMs - slotMs)) + amount).toBeGreaterThan(limit)
        }
      }
    }),
  )
})

test('room is there when it was said to be, and not before', () => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 100 }), (all, amount) => {
      const window = new SlidingWindow(windowMs)
      let now = 0
      for (const arrival of all) {
        now += arrival.after
        window.take(arrival.amount, now)
      }
      const wait = window.untilAtMost(amount, now)
      expect(wait).toBeLessThanOrEqual(windowMs + slotMs)
      if (wait > 1) expect(window.taken(now + wait - 1)).toBeGreaterThan(amount)
      expect(window.taken(now + wait)).toBeLessThanOrEqual(amount)
    }),
  )
})

test('what is given back is as if it had never been taken, whenever that is', () => {
  fc.assert(
    fc.property(arrivals, arrivals, (kept, given) => {
      const window = new SlidingWindow(windowMs)
      const without = new SlidingWindow(windowMs)
      const open: (Taken & { readonly slot: number })[] = []
      let now = 0
      for (const [index, { after, amount }] of kept.entries()) {
        now += after
        const extra = given[index]
        if (extra) open.push({ at: now, amount: extra.amount, slot: window.take(extra.amount, now) })
        window.take(amount, now)
        without.take(amount, now)
      }
      for (const { amount, slot } of open) {
        now += 7
        window.giveBack(amount, slot, now)
      }
      expect(window.taken(now)).toBe(without.taken(now))
      expect(window.taken(now + 2 * windowMs)).toBe(0)
    }),
  )
})
