import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { entry, openedStore } from '../../../test/ledger-fixture.ts'
import { openPrices } from '../../catalog/prices.ts'
import { savingsOf } from './savings.ts'

const own = { 'up/m': { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75, cacheWriteHour: 6 } }
const prices = openPrices({ kinds: new Map([['up', 'own']]), own, hardware: {} })
beforeAll(() => prices.prepare('up'))

const saved = (more: Parameters<typeof entry>[1]) => savingsOf(entry('a', more).row, prices)

test('what was read from a cache saved the rest of its price, and what was written to it cost more', () => {
  const none = { cached_tokens: 0, cache_write_tokens: null, prompt_tokens: 10_000 }
  expect(saved({ ...none, cached_tokens: 8000 })?.prompt_cache_saved_usd).toBeCloseTo((8000 * 2.7) / 1e6, 12)
  expect(saved({ ...none, cache_write_tokens: 8000 })?.prompt_cache_saved_usd).toBeCloseTo((-8000 * 0.75) / 1e6, 12)
  const hour = { cache_write_tokens: 8000, cache_write_hour_tokens: 8000 }
  expect(saved({ ...none, ...hour })?.prompt_cache_saved_usd).toBeCloseTo((-8000 * 3) / 1e6, 12)
  expect(saved(none)).toBeUndefined()
})

test('an answer that was given before saved what it would have cost, and its tokens are not read again', () => {
  const row = { cache: 'hit', cost_usd: 0, price: 'answered before', prompt_tokens: 1000, cached_tokens: 0 }
  const answer = (1000 * 3 + 5 * 15) / 1e6
  for (const cache of ['hit', 'shared', 'semantic']) {
    const { prompt_cache_saved_usd: prompt, answer_saved_usd: all } = saved({ ...row, cache }) ?? {}
    expect(prompt).toBeNull()
    expect(all).toBeCloseTo(answer, 12)
  }
  for (const cache of ['miss', 'off', null]) expect(saved({ ...row, cache })).toBeUndefined()
  // One that nobody could be given.
  expect(saved({ ...row, prompt_tokens: null })).toBeUndefined()
})

test('a price that nobody knows is not nothing, and numbers that cannot be say nothing', () => {
  expect(saved({ provider: 'other', cached_tokens: 5 })).toEqual({
    prompt_cache_saved_usd: null,
    answer_saved_usd: null,
  })
  expect(saved({ doubt: 'inputTokens.cacheRead', cached_tokens: 5 })).toBeUndefined()
})

test('whatever was read and written, savings and cost together are the cost without a cache', () => {
  const tokens = fc.nat(100_000)
  fc.assert(
    fc.property(tokens, tokens, tokens, tokens, (read, written, fresh, output) => {
      const prompt = read + written + fresh
      const usage = {
        inputTokens: { total: prompt, cacheRead: read, cacheWrite: written },
        outputTokens: { total: output, reasoning: 0 },
      }
      const cost = prices.cost({ provider: 'up', model: 'm', usage, at: Date.now() })
      const row = {
        prompt_tokens: prompt,
        cached_tokens: read,
        cache_write_tokens: written,
        output_tokens: output,
        price: cost?.price ?? null,
      }
      const gained = saved(row)?.prompt_cache_saved_usd ?? 0
      expect(gained + (cost?.usd ?? NaN)).toBeCloseTo((prompt * 3 + output * 15) / 1e6, 9)
    }),
  )
})

test('sums have them by what they are of', async () => {
  const { store } = await openedStore()
  const hit = { cache: 'hit', cost_usd: 0, cached_tokens: 4, prompt_tokens: 1000 }
  const entries = [
    entry('read', { cached_tokens: 8000, prompt_tokens: 10_000 }),
    entry('write', { cached_tokens: 0, cache_write_tokens: 8000, prompt_tokens: 10_000 }),
    entry('hit', hit),
    entry('unknown', { ...hit, provider: 'other' }),
  ]
  const withSavings = entries.map((each) => {
    const savings = savingsOf(each.row, prices)
    return savings ? { ...each, saved: savings } : each
  })
  await store.ledger.write(withSavings)
  const { lines } = await store.ledger.usage('provider', { since: Date.now() - 1e6, until: Date.now() + 1e6 })
  expect(lines.find(({ group }) => group === 'up')).toMatchObject({
    requests: 3,
    cached_tokens: 8000,
    cache_write_tokens: 8000,
    kept_answers: 1,
    prompt_cache_saved_usd: expect.closeTo((8000 * (2.7 - 0.75)) / 1e6, 12) as number,
    answers_saved_usd: expect.closeTo((996 * 3 + 4 * 0.3 + 5 * 15) / 1e6, 12) as number,
    saved_unknown: 0,
  })
  expect(lines.find(({ group }) => group === 'other')).toMatchObject({ kept_answers: 1, saved_unknown: 1 })
  expect(await store.ledger.find('write')).toMatchObject({
    prompt_cache_saved_usd: expect.closeTo(-0.006, 12) as number,
    answer_saved_usd: null,
  })
})
