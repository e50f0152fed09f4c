// What a provider signed or encrypted of its thoughts, on a wire that has no word for it of its own.
import { z } from 'zod'
import type { ReasoningBlock, Sealed } from '../../canonical/request.ts'
import { isPacked, packThoughts, unpackThoughts } from '../openai-responses/sealed-thoughts.ts'
import { text } from '../openai/parameters.ts'

/** No answer has as many blocks of thoughts. */
const mostBlocks = 1000

/**
 * OpenRouter's field, which clients that know it keep and send back unread; others send back messages as they came:
 * https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
 */
export const reasoningDetails = z.array(z.looseObject({ type: text, data: text.optional() })).max(mostBlocks)

/** Google's field on its own endpoint of this wire: https://ai.google.dev/gemini-api/docs/thought-signatures#openai */
export const extraContent = z.looseObject({
  google: z.looseObject({ thought_signature: text.optional() }).optional(),
})

/** The block as one detail; undefined where nothing of it is sealed. */
export function detailOf(block: ReasoningBlock, index: number): object | undefined {
  const data = packThoughts(block)
  return data === undefined ? undefined : { type: 'reasoning.encrypted', data, format: 'unknown', index }
}

/** What goes back to the providers that sealed it. What others than inferloom wrote here is theirs alone to read. */
export function blocksOf(details: z.infer<typeof reasoningDetails>): readonly ReasoningBlock[] {
  return details.flatMap(({ data }) => {
    if (data === undefined || !isPacked(data)) return []
    const { call: _, text: signed = '', ...seals } = unpackThoughts(data) ?? {}
    return seals.signature || seals.encrypted ? [{ text: signed, ...seals }] : []
  })
}

/** Of a call: the thoughts that led to it. */
export function extraContentOf(signature: Sealed | undefined): object {
  const packed = packThoughts({ ...(signature && { call: signature }) })
  return packed === undefined ? {} : { extra_content: { google: { thought_signature: packed } } }
}

/** The wire whose signatures come so where it is Google's own endpoint that wrote them. */
const google = 'gemini'

export function callSignatureOf(extra: z.infer<typeof extraContent> | undefined): Sealed | undefined {
  const value = extra?.google?.thought_signature
  if (value === undefined) return undefined
  return isPacked(value) ? unpackThoughts(value)?.call : { wire: google, value }
}

interface LooseMessage {
  readonly reasoning_details?: unknown
  readonly tool_calls?: unknown
}

/** Whether a conversation carries what only inferloom can read: a provider of this wire would refuse it. */
export function carriesSealed({ messages }: Readonly<Record<string, unknown>>): boolean {
  if (!Array.isArray(messages)) return false
  return (messages as readonly (LooseMessage | null)[]).some(
    (message) =>
      listOf(message?.reasoning_details).some((detail) => isPacked(detail?.['data'])) ||
      listOf(message?.tool_calls).some((call) => isPacked(signatureIn(call?.['extra_content']))),
  )
}

function signatureIn(extra: unknown): unknown {
  const { google: own } = (extra ?? {}) as { readonly google?: { readonly thought_signature?: unknown } | null }
  return own?.thought_signature
}

type Loose = Readonly<Record<string, unknown>> | null | undefined

const none: readonly Loose[] = []

function listOf(value: unknown): readonly Loose[] {
  return Array.isArray(value) ? (value as readonly Loose[]) : none
}
