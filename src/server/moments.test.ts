import { expect, test } from 'vitest'
import { momentOf } from './moments.ts'

const now = Date.UTC(2026, 10, 25, 12)
const of = (given: string) => new Date(momentOf('since', given, now)).toISOString()

test('times ago and dates are understood, in UTC where no zone is named', () => {
  expect(of('90m')).toBe('2026-11-25T10:30:00.000Z')
  expect(of('24h')).toBe('2026-11-24T12:00:00.000Z')
  expect(of('30d')).toBe('2026-10-26T12:00:00.000Z')
  expect(of('2w')).toBe('2026-11-11T12:00:00.000Z')
  expect(of('2026-11-01')).toBe('2026-11-01T00:00:00.000Z')
  expect(of('2026-11-01T08:30')).toBe('2026-11-01T08:30:00.000Z')
  expect(of('2026-11-01T08:30+02:00')).toBe('2026-11-01T06:30:00.000Z')
})

test('what is no time is refused by name, and so is what lies before 1970 or days ahead', () => {
  for (const given of ['', 'soon', '-1d', '1y', '2026-13-01', '2026-02-30T99:00', '999999w', '2026-12-25', '1e3d']) {
    expect(() => momentOf('since', given, now)).toThrow(/^since = /)
  }
})
