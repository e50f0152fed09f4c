import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Usage } from '../../canonical/usage.ts'
import { soundUsage } from './sound-usage.ts'

const usage = (input: object, output: object, raw?: unknown): Usage => ({
  inputTokens: { total: 10, cacheRead: 0, ...input },
  outputTokens: { total: 5, reasoning: 0, ...output },
  ...(raw !== undefined && { raw }),
})

test('usage that can be stays the very same', () => {
  const count = fc.nat(1_000_000)
  fc.assert(
    fc.property(count, count, count, count, (cached, rest, thought, said) => {
      const given = usage({ total: cached + rest, cacheRead: cached }, { total: thought + said, reasoning: thought })
      const { usage: same, doubt } = soundUsage(given)
      expect(same).toBe(given)
      expect(doubt).toEqual([])
    }),
  )
})

test('no number that cannot be comes through, and each is named', () => {
  const bad = fc.oneof(
    fc.constantFrom(-1, Number.NaN, Infinity, -Infinity, 1e300, 0.5),
    fc.integer({ min: -1e9, max: -1 }),
    fc.integer({ min: 100_000_001 }),
  )
  fc.assert(
    fc.property(bad, fc.constantFrom('total', 'cacheRead', 'cacheWrite', 'audio', 'image'), (value, kind) => {
      const { usage: sound, doubt } = soundUsage(usage({ [kind]: value }, {}))
      expect(doubt).toContain(`inputTokens.${kind}`)
      for (const each of Object.values(sound.inputTokens)) expect(each).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('a part that is larger than its whole is doubted, since what is left of it would be less than nothing', () => {
  expect(soundUsage(usage({ cacheRead: 11 }, {}))).toMatchObject({
    usage: { inputTokens: { total: 10, cacheRead: 10 } },
    doubt: ['inputTokens.cacheRead'],
  })
  expect(soundUsage(usage({}, { reasoning: 6 })).doubt).toEqual(['outputTokens.reasoning'])
})

test('a number that was refused when it was read is found in what the provider wrote', () => {
  const { doubt } = soundUsage(usage({}, { total: 0 }, { prompt_tokens: 10, completion_tokens: -5 }))
  expect(doubt).toEqual(['completion_tokens', 'outputTokens.total'])
  const details = { prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 1e300 }, total_time: 0.25 }
  expect(soundUsage(usage({}, {}, details)).doubt).toEqual(['prompt_tokens_details.cached_tokens'])
})
