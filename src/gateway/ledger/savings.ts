import type { Usage } from '../../canonical/usage.ts'
import type { Prices } from '../../catalog/price.ts'
import { isKept } from '../../storage/ledger/roll-up.ts'
import type { RequestRow, SavingColumns } from '../../storage/tables.ts'

/**
 * What caches were worth to a request: its cost at the price of the day without them, less what it cost. Undefined where
 * they had no part in it. It may be less than nothing: a provider takes more for what is written to its cache.
 */
export function savingsOf(row: RequestRow, prices: Pick<Prices, 'again'>): SavingColumns | undefined {
  const { provider, served_model: servedModel, prompt_tokens: prompt, price, received_at: at } = row
  if (provider === null || servedModel === null || prompt === null || row.doubt !== null) return undefined
  const kept = isKept(row)
  if (!kept && !row.cached_tokens && !row.cache_write_tokens) return undefined
  const usage = usageOf(row, prompt)
  const asked = { provider, servedModel, at, ...(!kept && price !== null && { price }) }
  const cost = prices.again({ ...asked, usage })?.usd
  if (kept) return { prompt_cache_saved_usd: null, answer_saved_usd: cost ?? null }
  const without = prices.again({ ...asked, usage: withoutCache(usage) })?.usd
  const saved = cost === undefined || without === undefined ? null : without - cost
  return { prompt_cache_saved_usd: saved, answer_saved_usd: null }
}

function usageOf(row: RequestRow, prompt: number): Usage {
  return {
    inputTokens: {
      total: prompt,
      cacheRead: row.cached_tokens ?? 0,
      cacheWrite: row.cache_write_tokens ?? 0,
      cacheWriteHour: row.cache_write_hour_tokens ?? 0,
      audio: row.audio_input_tokens ?? 0,
      image: row.image_tokens ?? 0,
    },
    outputTokens: {
      total: row.output_tokens ?? 0,
      reasoning: row.reasoning_tokens ?? 0,
      audio: row.audio_output_tokens ?? 0,
    },
  }
}

function withoutCache({ inputTokens, ...rest }: Usage): Usage {
  return { ...rest, inputTokens: { ...inputTokens, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 } }
}
