// What both a whole reply and a stream have: https://docs.cohere.com/reference/chat-stream
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import { shown } from './refusal.ts'

export const wire = 'cohere-chat'

const count = z.number().min(0).nullish()
const tokens = z.object({ input_tokens: count, output_tokens: count })

export const usageSchema = z
  .object({
    tokens: tokens.nullish(),
    billed_units: tokens.extend({ search_units: count }).nullish(),
    cached_tokens: count,
  })
  .loose()

/**
 * `tokens` are what the model read and wrote, its own template among them, and `cached_tokens` are some of these;
 * `billed_units` are what is paid for, which may be far fewer: https://docs.cohere.com/docs/how-does-cohere-pricing-work
 */
export function cohereUsage(given: z.infer<typeof usageSchema>): Usage {
  const { tokens, billed_units: billed, cached_tokens: cached } = given
  const counts = Object.entries({
    billed_input_tokens: billed?.input_tokens,
    billed_output_tokens: billed?.output_tokens,
    search_units: billed?.search_units,
  }).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return {
    inputTokens: { total: tokens?.input_tokens ?? billed?.input_tokens ?? 0, cacheRead: cached ?? 0 },
    outputTokens: { total: tokens?.output_tokens ?? billed?.output_tokens ?? 0, reasoning: 0 },
    ...(counts.length > 0 && { counts: Object.fromEntries(counts) }),
    raw: given,
  }
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool-calls',
}

export function textEnd(reason: string, complaint: string | null = null): StreamEvent {
  if (reason === 'ERROR' || reason === 'TIMEOUT') {
    const words = complaint === null ? '' : `: ${shown(complaint)}`
    const code = reason === 'ERROR' ? 'provider_failed' : 'provider_timeout'
    throw new InferloomError(code, `The provider broke off with ${reason}${words}. Remedy: try again.`)
  }
  const finishReason = Object.hasOwn(finishReasons, reason) ? finishReasons[reason] : undefined
  return { type: 'text-end', choiceIndex: 0, finishReason: finishReason ?? 'stop', rawFinishReason: reason }
}

const cited = z.object({
  sources: z.array(z.object({ document: z.object({ url: z.string(), title: z.string().optional() }) })).min(1),
})

/** A citation of pages names them; any other stays as it came. */
export function citationEvents(citation: unknown): readonly StreamEvent[] {
  const pages = cited.safeParse(citation).data
  if (!pages) return [{ type: 'raw', choiceIndex: 0, wire, value: { citations: [citation] } }]
  return pages.sources.map(({ document: { url, title } }) => ({
    type: 'source',
    choiceIndex: 0,
    url,
    ...(title !== undefined && { title }),
  }))
}
