import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCatalogue } from './errors.ts'

/** The rows of every table in docs/errors.md: `| code | status | type | retry | meaning | what to do |`. */
function documented(): string[][] {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

test('docs/errors.md says of every code what the catalogue says, and of no other', () => {
  const rows = documented().map(([code, status, type, retry]) => [code?.replaceAll('`', ''), { status, type, retry }])
  const catalogue = Object.entries(errorCatalogue).map(([code, { status, type, retryable }]) => [
    code,
    { status: String(status), type, retry: retryable ? 'yes' : 'no' },
  ])
  expect(new Set(rows.map(([code]) => code)).size).toBe(rows.length)
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(catalogue))
})

test('every code has its meaning and what to do about it', () => {
  for (const [code, , , , meaning = '', remedy = ''] of documented()) {
    expect(meaning.length, `meaning of ${code}`).toBeGreaterThan(20)
    expect(remedy.length, `what to do about ${code}`).toBeGreaterThan(10)
  }
})
