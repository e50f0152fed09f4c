import { expect, test } from 'vitest'
import { greedy } from '../../test/job-fixture.ts'
import type { Job } from './protocol.ts'
import { ageingMs, inOrder, ServedTokens } from './waiting-list.ts'

let nextId = 1
function waiting(change: Partial<Job>, arrivedAt = 0) {
  return { job: { id: nextId++, prompt: '', addSpecial: true, n: 1, stop: [], sampling: greedy, ...change }, arrivedAt }
}

test('priority goes before deadline, deadline before arrival', () => {
  const flex = waiting({ priority: 2, deadlineMs: 1 })
  const late = waiting({ priority: 1, deadlineMs: 500 })
  const none = waiting({ priority: 1 })
  const soon = waiting({ deadlineMs: 100 }, 10)
  const first = waiting({ priority: 0 }, 20)
  expect(inOrder([flex, late, none, soon, first], 20, new ServedTokens())).toEqual([first, soon, late, none, flex])
})

test('what has waited long enough goes before what matters more', () => {
  const old = waiting({ priority: 2 })
  const order = (now: number) => inOrder([old, waiting({ priority: 1 }, now)], now, new ServedTokens())[0]
  expect(order(ageingMs - 1)).not.toBe(old)
  expect(order(2 * ageingMs)).toBe(old)
})

test('the owner who has had least goes first, and absence earns no credit', () => {
  const served = new ServedTokens()
  served.join('a')
  served.join('b')
  served.add('a', 100)
  served.add('b', 40)
  served.join('c')
  const [a, b, c] = [waiting({ owner: 'a' }), waiting({ owner: 'b' }), waiting({ owner: 'c' }, 1)]
  expect(served.of('c')).toBe(40)
  expect(inOrder([a, c, b], 2, served)).toEqual([b, c, a])
  served.leave('a')
  expect(served.of('a')).toBe(0)
})
