import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Calendar } from './calendar.ts'
import { windows } from './key-limits.ts'

/** With clocks that change at midnight, by half an hour, and on a day that was left out altogether. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Africa/Cairo',
  'Pacific/Apia',
]
const calendars = new Map(zones.map((zone) => [zone, new Calendar(zone)]))
const moment = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2040, 0) })

test('every moment lies in one period, and the next begins where it ends', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.constantFrom(...windows), moment, (zone, window, at) => {
      const calendar = calendars.get(zone) ?? new Calendar(zone)
      const period = calendar.period(window, at)
      expect(period.start).toBeLessThanOrEqual(at)
      expect(period.end).toBeGreaterThan(at)
      expect(calendar.period(window, period.start)).toEqual(period)
      expect(calendar.period(window, period.end - 1)).toEqual(period)
      expect(calendar.period(window, period.end).start).toBe(period.end)
    }),
    { numRuns: 500 },
  )
})

test.each([
  // Clocks go forward on 29 March and back on 25 October.
  ['Europe/Berlin', 'day', '2026-03-29T12:00Z', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
  ['Europe/Berlin', 'day', '2026-10-25T12:00Z', '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
  ['Europe/Berlin', 'month', '2026-03-31T21:59Z', '2026-02-28T23:00Z', '2026-03-31T22:00Z'],
  // A Sunday belongs to the week of the Monday before.
  ['UTC', 'week', '2026-11-29T12:00Z', '2026-11-23T00:00Z', '2026-11-30T00:00Z'],
  ['UTC', 'week', '2027-01-01T12:00Z', '2026-12-28T00:00Z', '2027-01-04T00:00Z'],
  // There midnight is left out when clocks go forward: the day begins at one.
  ['America/Santiago', 'day', '2026-09-06T12:00Z', '2026-09-06T04:00Z', '2026-09-07T03:00Z'],
  ['Asia/Kolkata', 'hour', '2026-11-25T10:45Z', '2026-11-25T10:00Z', '2026-11-25T11:00Z'],
] as const)('%s: the %s of %s', (zone, window, at, start, end) => {
  const period = { start: Date.parse(start), end: Date.parse(end) }
  expect(new Calendar(zone).period(window, Date.parse(at))).toEqual(period)
})
