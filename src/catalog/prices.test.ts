import { beforeAll, describe, expect, test } from 'vitest'
import type { Usage } from '../canonical/usage.ts'
import { openPrices } from './prices.ts'

const kinds = new Map([
  ['openai', 'openai'],
  ['work', 'openai'],
  ['anthropic', 'anthropic'],
  ['near', 'vllm'],
])
const own = {
  'near/qwen': { input: 1, output: 2, cachedInput: 0.1, request: 0.01 },
  'openai/gpt-4o': { input: 1, output: 1, tiers: { priority: 3 } },
}
const prices = openPrices({ kinds, own, hardware: {} })
const at = Date.parse('2026-11-01')

function usage(input: number, output: number, more: Partial<Usage['inputTokens']> = {}): Usage {
  return { inputTokens: { total: input, cacheRead: 0, ...more }, outputTokens: { total: output, reasoning: 0 } }
}

beforeAll(() => prices.prepare('openai'))

test('nothing is known before the list is there, and it is loaded once', async () => {
  const fresh = openPrices({ kinds, own, hardware: {} })
  expect(fresh.cost({ provider: 'openai', model: 'gpt-4.1', usage: usage(1, 1), at })).toBe(undefined)
  await fresh.prepare('openai')
  expect(fresh.prepare('openai')).toBe(undefined)
  expect(fresh.cost({ provider: 'openai', model: 'gpt-4.1', usage: usage(1, 1), at })).toBeDefined()
})

describe('an answer that was priced', () => {
  const anthropic = { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929', at }
  const again = { provider: 'anthropic', servedModel: 'claude-sonnet-4-5-20250929', at }

  test('is priced again with other usage, by its text, its tier included', () => {
    const given = { ...usage(1000, 100, { cacheRead: 500 }), serviceTier: 'batch' }
    const cost = prices.cost({ ...anthropic, usage: given })
    expect(cost?.price).toContain('batch × 0.5')
    const without = prices.again({ ...again, price: cost?.price, usage: usage(1000, 100) })
    expect(without?.usd).toBeCloseTo((1000 * 3 + 100 * 15) / 2e6, 12)
  })

  test('and by who answered, also where the user states a price for what was asked', () => {
    expect(prices.again({ ...again, usage: usage(1000, 100) })?.usd).toBeCloseTo((1000 * 3 + 100 * 15) / 1e6, 12)
    const mine = {
      provider: 'openai',
      model: 'gpt-4o',
      answeredBy: 'gpt-4o-2024-11-20',
      usage: usage(1_000_000, 0),
      at,
    }
    expect(prices.cost(mine)?.usd).toBe(1)
    const served = { provider: 'openai', servedModel: 'gpt-4o-2024-11-20', usage: usage(2_000_000, 0), at }
    expect(prices.again(served)?.usd).toBe(2)
  })

  test('is not guessed at', () => {
    expect(prices.again({ provider: 'nobody', servedModel: 'm', usage: usage(1, 1), at })).toBeUndefined()
    expect(prices.again({ provider: 'local', servedModel: 'm', usage: usage(1, 1), at })).toMatchObject({ usd: 0 })
  })
})

describe('the list', () => {
  test('knows how much models read, where it says so', () => {
    expect(prices.contextOf?.('work', 'gpt-4.1')).toBeGreaterThan(900_000)
    expect(prices.contextOf?.('work', 'nothing-like-it')).toBeUndefined()
    expect(prices.contextOf?.('near', 'qwen')).toBeUndefined()
    expect(prices.contextOf?.('nobody', 'gpt-4.1')).toBeUndefined()
  })

  test('is asked by kind, whatever the provider is called here', () => {
    const cost = prices.cost({ provider: 'work', model: 'gpt-4.1', usage: usage(1000, 100), at })
    expect(cost).toEqual({
      usd: expect.closeTo((1000 * 2 + 100 * 8) / 1e6, 12) as number,
      price: 'openai gpt-4.1: input 2, cache_read 0.5, output 8 $/M',
    })
  })

  test('prices what was read from a cache, and what was written to it for minutes and for an hour, once each', () => {
    const given = usage(1000, 100, { cacheRead: 500, cacheWrite: 300, cacheWriteHour: 100 })
    const cost = prices.cost({ provider: 'anthropic', model: 'claude-sonnet-4-5-20250929', usage: given, at })
    expect(cost?.usd).toBeCloseTo((200 * 3 + 500 * 0.3 + 200 * 3.75 + 100 * 6 + 100 * 15) / 1e6, 12)
  })

  test('goes by the model that answered, else by the one that was asked', () => {
    const asked = { provider: 'work', model: 'gpt-4.1', usage: usage(1_000_000, 0), at }
    expect(prices.cost({ ...asked, answeredBy: 'gpt-4.1-mini-2025-04-14' })?.usd).toBeCloseTo(0.4)
    expect(prices.cost({ ...asked, answeredBy: 'of-the-day' })?.usd).toBeCloseTo(2)
  })

  test('halves what was answered in flex, and does not guess at priority', () => {
    const asked = { provider: 'work', model: 'gpt-4.1', at }
    expect(prices.cost({ ...asked, usage: { ...usage(1_000_000, 0), serviceTier: 'flex' } })).toMatchObject({
      usd: 1,
      price: expect.stringContaining('flex × 0.5') as string,
    })
    expect(prices.cost({ ...asked, usage: { ...usage(1_000_000, 0), serviceTier: 'priority' } })).toBe(undefined)
  })

  test('has no price for names it does not know, whatever they are', () => {
    for (const model of ['no-such-model', '', '__proto__', '../../etc', 'x'.repeat(10_000)])
      expect(prices.cost({ provider: 'work', model, usage: usage(1, 1), at })).toBe(undefined)
  })

  test('is not asked about services that are not on it', () => {
    expect(prices.cost({ provider: 'near', model: 'gpt-4o', usage: usage(1, 1), at })).toBe(undefined)
    expect(prices.cost({ provider: 'unheard-of', model: 'gpt-4o', usage: usage(1, 1), at })).toBe(undefined)
  })

  test('never charges for less than nothing, nor for parts that are more than their whole', () => {
    const cost = prices.cost({ provider: 'work', model: 'gpt-4.1', usage: usage(10, 0, { cacheRead: 1000 }), at })
    expect(cost?.usd).toBeCloseTo((10 * 0.5) / 1e6, 12)
  })
})

describe('prices of the configuration', () => {
  test('go before the list, with what they say of caches and of the request itself', () => {
    const cost = prices.cost({ provider: 'near', model: 'qwen', usage: usage(1000, 100, { cacheRead: 400 }), at })
    expect(cost?.usd).toBeCloseTo(0.01 + (600 * 1 + 400 * 0.1 + 100 * 2) / 1e6, 12)
    expect(prices.cost({ provider: 'openai', model: 'gpt-4o', usage: usage(1_000_000, 0), at })?.usd).toBeCloseTo(1)
  })

  test('are believed more than what a provider says it charges, which is believed more than the list', () => {
    const given: Usage = { ...usage(1_000_000, 0), charged: 0.5 }
    expect(prices.cost({ provider: 'work', model: 'gpt-4.1', usage: given, at })).toEqual({
      usd: 0.5,
      price: 'as charged by the provider',
    })
    expect(prices.cost({ provider: 'near', model: 'unheard-of', usage: given, at })?.usd).toBe(0.5)
    expect(prices.cost({ provider: 'openai', model: 'gpt-4o', usage: given, at })?.usd).toBeCloseTo(1)
  })

  test('may say what a tier costs', () => {
    const given: Usage = { ...usage(1_000_000, 0), serviceTier: 'priority' }
    expect(prices.cost({ provider: 'openai', model: 'gpt-4o', usage: given, at })?.usd).toBeCloseTo(3)
  })
})

test('remembers no more than a bounded number of names', () => {
  for (let index = 0; index < 3000; index++) {
    prices.cost({ provider: 'work', model: `m${index}`, usage: usage(1, 1), at })
  }
  expect(prices.cost({ provider: 'work', model: 'gpt-4.1', usage: usage(1, 1), at })).toBeDefined()
})
