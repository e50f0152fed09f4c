import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Affinity } from './affinity.ts'

const body = (system: string, ...turns: string[]) =>
  JSON.stringify({ model: 'm', messages: [{ role: 'system', content: system }, ...turns], stream: true })
const system = 'Answer in the words of a careful librarian. '.repeat(200)

test('a conversation is known again as it grows, and by how much of it', () => {
  const affinity = new Affinity()
  const asked = (text: string) => {
    const beginnings = affinity.beginningsOf('r', text)
    if (!beginnings) throw new Error('too short')
    return beginnings
  }
  const first = asked(body(system, 'one'))
  expect(affinity.warmOf(first, 0)).toBeUndefined()
  affinity.remember(first, 'p/a', 0)
  const later = affinity.warmOf(asked(body(system, 'one', 'and a long answer '.repeat(300), 'two')), 1000)
  expect(later?.candidate).toBe('p/a')
  expect(later?.share).toBeGreaterThan(0.5)
  expect(later?.share).toBeLessThan(0.8)
  expect(affinity.warmOf(asked(body(`Now: ${system}`, 'one')), 1000)).toBeUndefined()
})

test('what is before the prompt in a body makes no difference, and short prompts are not looked at', () => {
  const affinity = new Affinity()
  const text = JSON.stringify({ model: 'm', user: 'somebody', temperature: 0.5, messages: [system] })
  const other = JSON.stringify({ temperature: 0, model: 'other', messages: [system] })
  expect(affinity.beginningsOf('r', text)?.keys).toEqual(affinity.beginningsOf('r', other)?.keys)
  expect(affinity.beginningsOf('r', text)?.keys).not.toEqual(affinity.beginningsOf('s', text)?.keys)
  expect(affinity.beginningsOf('r', body('short'))).toBeUndefined()
  expect(affinity.beginningsOf('r', undefined)).toBeUndefined()
})

test('nobody keeps what was read for ever', () => {
  const affinity = new Affinity()
  const beginnings = affinity.beginningsOf('r', body(system))
  if (!beginnings) throw new Error('too short')
  affinity.remember(beginnings, 'p/a', 0)
  expect(affinity.warmOf(beginnings, 599_000)?.candidate).toBe('p/a')
  expect(affinity.warmOf(beginnings, 601_000)).toBeUndefined()
  affinity.remember(beginnings, 'p/a', 0)
  for (let other = 0; other < 20_000; other++) affinity.remember({ keys: [other], length: 3000 }, 'p/b', 0)
  expect(affinity.warmOf(beginnings, 1)).toBeUndefined()
})

test('two prompts have the beginnings in common that they have in common', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', '€'), minLength: 2100, maxLength: 9000 })
  fc.assert(
    fc.property(text, text, fc.nat(8000), (one, rest, at) => {
      const affinity = new Affinity()
      const other = one.slice(0, at) + rest
      const [a, b] = [affinity.beginningsOf('r', one)?.keys ?? [], affinity.beginningsOf('r', other)?.keys ?? []]
      const steps = Math.min(a.length, b.length)
      for (let step = 0; step < steps; step++) {
        const end = (step + 1) * 2048
        if (one.slice(0, end) === other.slice(0, end)) expect(a[step]).toBe(b[step])
        // A byte of each character is looked at.
        else if (!(one + other).includes('€')) expect(a[step]).not.toBe(b[step])
      }
    }),
  )
})
