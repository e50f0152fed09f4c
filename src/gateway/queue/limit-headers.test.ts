import { expect, test } from 'vitest'
import { saidLimits } from './limit-headers.ts'

const at = Date.UTC(2026, 10, 25, 12, 0, 0)

// The forms that providers' documentation shows.
test.each([
  ['1s', 1000],
  ['6m0s', 360_000],
  ['17ms', 17],
  ['2m59.56s', 179_560],
  ['1h2m3s', 3_723_000],
  ['0.5', 500],
  ['30', 30_000],
  [String(at / 1000 + 20), 20_000],
  ['2026-11-25T12:00:42Z', 42_000],
  ['2026-11-25T11:00:00Z', 0],
  ['soon', undefined],
])('a reset of %s', (reset, resetMs) => {
  const headers = { 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': reset }
  expect(saidLimits(headers, at)).toEqual([{ unit: 'tokens', limit: undefined, remaining: 5, resetMs }])
})

test('limits are read by unit, and what is no number says nothing', () => {
  expect(
    saidLimits(
      {
        'anthropic-ratelimit-input-tokens-limit': '40000',
        'anthropic-ratelimit-input-tokens-remaining': '39000',
        'anthropic-ratelimit-input-tokens-reset': '2026-11-25T12:00:01Z',
        'x-ratelimit-remaining-requests': 'many',
        'x-ratelimit-limit-requests': '-1',
      },
      at,
    ),
  ).toEqual([
    { unit: 'requests', limit: undefined, remaining: undefined, resetMs: undefined },
    { unit: 'inputTokens', limit: 40_000, remaining: 39_000, resetMs: 1000 },
  ])
  expect(saidLimits({ 'content-type': 'application/json' }, at)).toEqual([])
})
