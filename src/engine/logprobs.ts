import type { TokenLogprob, TokenLogprobs } from '../canonical/events.ts'

interface Pieces {
  bytes(token: number): Uint8Array
  text(token: number): string
}

/**
 * The chosen token's log probability and its likeliest alternatives, from the raw logits of one position
 * (before penalties, temperature and every other sampling step). Sums in float64.
 */
export function tokenLogprobs(logits: Float32Array, chosen: number, top: number, pieces: Pieces): TokenLogprobs {
  let max = -Infinity
  for (const logit of logits) if (logit > max) max = logit
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - max)
  const normalizer = max + Math.log(sum)
  const describe = (token: number): TokenLogprob => ({
    token: pieces.text(token),
    logprob: Math.max((logits[token] ?? -Infinity) - normalizer, lowest),
    bytes: [...pieces.bytes(token)],
  })
  return { ...describe(chosen), top: largest(logits, top).map(describe) }
}

// JSON has no -Infinity; OpenAI's documentation names -9999.0 for a token that is very unlikely.
// https://platform.openai.com/docs/api-reference/chat/object#chat/object-choices
const lowest = -9999

/** Indexes of the `count` largest values, largest first; the lower index first where they are equal. */
export function largest(values: Float32Array, count: number): number[] {
  const best: number[] = []
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? -Infinity
    if (best.length === count && value <= (values[best[count - 1] ?? 0] ?? -Infinity)) continue
    let at = best.length
    while (at > 0 && (values[best[at - 1] ?? 0] ?? -Infinity) < value) at--
    best.splice(at, 0, index)
    if (best.length > count) best.pop()
  }
  return count === 0 ? [] : best
}
