import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estimateInput } from './estimate.ts'

/** What it comes to by an expression that looks at every character, which takes a hundred times as long. */
function expected(body: string): number {
  const runs = [...body.matchAll(/[A-Za-z0-9+/_-]{2000,}/g)].map(({ 0: run }) => run.length)
  const bytes = Buffer.byteLength(body) - runs.reduce((sum, each) => sum + each, 0)
  return Math.ceil(bytes / 4) + runs.length * 1600
}

test('files in a body are found, wherever they lie and however they follow each other', () => {
  const run = fc.tuple(fc.constantFrom('A', '/', '-', 'z', '0'), fc.integer({ min: 1990, max: 4100 }))
  const part = fc.oneof(
    run.map(([character, length]) => character.repeat(length)),
    fc.string({ maxLength: 50 }),
    fc.constantFrom(' ', '"', ',', '=', 'word ', 'é€😀'),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const body = `${parts.join('')}"${' word'.repeat(4000)}`
      expect(estimateInput(body)).toBe(expected(body))
    }),
  )
})

test('a short body is counted as it is, and one that nobody has as a file', () => {
  expect(estimateInput('é'.repeat(10))).toBe(5)
  expect(estimateInput(undefined)).toBe(1600)
})
