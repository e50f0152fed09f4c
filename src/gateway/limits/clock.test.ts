import { afterEach, expect, test, vi } from 'vitest'
import { Calendar } from './calendar.ts'
import { machineClock } from './clock.ts'
import { PeriodMeter } from './meters.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a clock that is set back opens no period again, and frees nothing of the one that runs', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 30, 23) })
  const clock = machineClock()
  const meter = new PeriodMeter('usd', 'day', { clock, calendar: new Calendar('UTC') })
  meter.spend(5, clock.time())
  vi.setSystemTime(Date.UTC(2026, 11, 1, 1))
  expect(meter.taken()).toBe(0)
  meter.spend(3, clock.time())
  for (const back of [Date.UTC(2026, 10, 30, 23), Date.UTC(2020, 0)]) {
    vi.setSystemTime(back)
    expect(meter.taken()).toBe(3)
    expect(meter.period.start).toBe(Date.UTC(2026, 11, 1))
    meter.spend(1, clock.time())
    expect(meter.taken()).toBe(4)
    meter.spend(-1, clock.time())
  }
  vi.setSystemTime(Date.UTC(2026, 11, 2))
  expect(meter.taken()).toBe(0)
})
