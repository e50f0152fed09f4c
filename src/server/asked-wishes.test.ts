import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InferloomError } from '../canonical/errors.ts'
import { askedWishes } from './asked-wishes.ts'

test('wishes come by header or by metadata, and a header goes first', () => {
  expect(askedWishes({}, {})).toBeUndefined()
  expect(askedWishes({}, { metadata: { other: 'x' } })).toBeUndefined()
  const headers = {
    'x-inferloom-objective': 'fastest',
    'x-inferloom-max-cost': '0',
    'x-inferloom-ttft': '300',
    'x-inferloom-latency': '2500.5',
    'x-inferloom-min-quality': '0.5',
    'x-inferloom-region': 'eu',
  }
  const wishes = { objective: 'fastest', maxCost: 0, ttftMs: 300, latencyMs: 2500.5, minQuality: 0.5, region: 'eu' }
  expect(askedWishes(headers, {})).toEqual(wishes)
  const metadata = { inferloom_objective: 'best', inferloom_max_cost: 0.02, inferloom_min_quality: '1' }
  expect(askedWishes({ 'x-inferloom-objective': 'cheapest' }, { metadata })).toEqual({
    objective: 'cheapest',
    maxCost: 0.02,
    minQuality: 1,
  })
})

test.each([
  ['x-inferloom-objective', 'Fastest'],
  ['x-inferloom-objective', 'constructor'],
  ['x-inferloom-max-cost', '-1'],
  ['x-inferloom-max-cost', 'Infinity'],
  ['x-inferloom-max-cost', ''],
  ['x-inferloom-ttft', '0'],
  ['x-inferloom-ttft', '300, 400'],
  ['x-inferloom-min-quality', '1.01'],
  ['x-inferloom-min-quality', 'NaN'],
  ['x-inferloom-region', ''],
  ['x-inferloom-region', 'r'.repeat(101)],
])('%s: %j is refused with its name', (header, value) => {
  expect(() => askedWishes({ [header]: value }, {})).toThrow(
    expect.objectContaining({ code: 'invalid_value', param: header }) as Error,
  )
})

test.each([[{}], [[]], [null], [true], [{ toString: 'x' }], ['1e9']])(
  'metadata of %j is refused with its name',
  (value) => {
    expect(() => askedWishes({}, { metadata: { inferloom_max_cost: value } })).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'metadata.inferloom_max_cost' }) as Error,
    )
  },
)

test('whatever is sent, there is an answer or an error of ours', () => {
  const names = ['objective', 'ttft', 'latency', 'max-cost', 'min-quality', 'region']
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string(), fc.jsonValue(), (name, header, value) => {
      try {
        askedWishes({ [`x-inferloom-${name}`]: header }, { metadata: value })
        askedWishes({}, { metadata: { [`inferloom_${name.replaceAll('-', '_')}`]: value } })
      } catch (error) {
        expect(error).toBeInstanceOf(InferloomError)
      }
    }),
  )
})
