import { calcPrice } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listed, ownList, priced, type Listed } from './price-list.ts'

const at = Date.UTC(2026, 5, 1, 12)

/** What the library itself says. */
function byLibrary({ provider }: Listed, input: number, read: number, output: number, reasoning: number) {
  const counts = {
    input_tokens: input,
    output_tokens: output,
    ...(read > 0 && { cache_read_tokens: read }),
    ...(reasoning > 0 && { output_reasoning_tokens: reasoning }),
  }
  return calcPrice(counts, '', { provider, timestamp: new Date(at) })?.total_price
}

const tokens = fc.oneof(fc.constantFrom(0, 1, 200_000, 200_001, 272_001), fc.integer({ min: 0, max: 2_000_000 }))
const share = fc.double({ min: 0, max: 1, noNaN: true })

const names = [
  ['openai', 'gpt-4o'],
  ['openai', 'gpt-4.1-mini'],
  ['openai', 'o3'],
  ['anthropic', 'claude-sonnet-4-5'],
  ['anthropic', 'claude-haiku-4-5'],
  ['google', 'gemini-2.5-pro'],
  ['google', 'gemini-2.5-flash'],
  ['mistral', 'mistral-large-latest'],
  ['groq', 'llama-3.3-70b-versatile'],
  ['deepseek', 'deepseek-chat'],
  ['perplexity', 'sonar'],
] as const

const lists = [
  ...names.flatMap(([kind, model]) => listed(kind, model, at) ?? []),
  ownList('own', { input: 1.1, output: 3.3 }),
  ownList('own, with all', { input: 1.1, output: 3.3, cachedInput: 0.11, cacheWrite: 1.4, request: 0.005 }),
]

test('an answer of text costs what the library says, by whichever way', () => {
  expect(lists.length).toBeGreaterThan(10)
  const property = fc.property(
    fc.constantFrom(...lists),
    tokens,
    tokens,
    share,
    share,
    (list, input, output, cached, thought) => {
      const read = Math.floor(input * cached)
      const reasoning = Math.floor(output * thought)
      const usage = {
        inputTokens: { total: input, cacheRead: read },
        outputTokens: { total: output, reasoning },
      }
      const usd = byLibrary(list, input, read, output, reasoning) ?? Number.NaN
      expect(Math.abs((priced(list, usage, at)?.usd ?? Number.NaN) - usd)).toBeLessThanOrEqual(1e-12 * Math.max(1, usd))
    },
  )
  fc.assert(property, { numRuns: 2000 })
})
