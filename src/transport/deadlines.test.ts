import { expect, test } from 'vitest'
import { Deadlines, type Dated } from './deadlines.ts'

test('what is due is told once it is late, what was moved or removed is not', async () => {
  const deadlines = new Deadlines(20)
  const told: string[] = []
  const dated = (name: string, dueAt: number, then = () => {}) => {
    const made: Dated & { dueAt: number } = {
      dueAt,
      overdue: () => {
        told.push(name)
        deadlines.remove(place)
        then()
      },
    }
    const place = deadlines.add(made)
    return { made, place }
  }
  const now = performance.now()
  dated('first', now)
  const moved = dated('moved', now)
  moved.made.dueAt = Infinity
  deadlines.remove(dated('removed', now).place)
  await new Promise<void>((resolve) => dated('last', now + 30, resolve))
  expect(told).toEqual(['first', 'last'])
  deadlines.remove(moved.place)
})
