import type { EmbedRequest, EmbedResult } from '../canonical/embed.ts'
import { unsupported } from './wire/unsupported.ts'

/** Requests of one batch that are under way at a time. */
const atOnce = 8

interface Batches {
  readonly provider: string
  /** Inputs that the provider takes in one request; absent means any number. */
  readonly most: number | undefined
  readonly send: (part: EmbedRequest, signal: AbortSignal) => Promise<EmbedResult>
  readonly signal: AbortSignal
}

/** Embeds what clients may send at once, also where the provider takes less in one request. All of it comes, or nothing. */
export async function embedInBatches(
  request: EmbedRequest,
  { provider, most = Infinity, send, signal }: Batches,
): Promise<EmbedResult> {
  signal.throwIfAborted()
  const { inputs } = request
  if (inputs.length <= most) return await send(request, signal)
  // None of those that bound their number takes them, and a part would not know which input it is.
  const ids = inputs.findIndex((input) => typeof input !== 'string')
  if (ids !== -1) throw unsupported(`input[${ids}] as token ids`, provider, 'send its text')
  const results: EmbedResult[] = []
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const count = Math.ceil(inputs.length / most)
  let next = 0
  const sendMore = async () => {
    for (let at = next++; at < count; at = next++) {
      results[at] = await send({ ...request, inputs: inputs.slice(at * most, (at + 1) * most) }, either)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, sendMore))
  } catch (error) {
    failed.abort(error)
    throw error
  }
  return {
    embeddings: results.flatMap(({ embeddings }) => embeddings),
    inputTokens: results.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
  }
}
