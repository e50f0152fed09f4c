import type { TokenLogprob, TokenLogprobs } from '../../canonical/events.ts'
import { isRecord, listOf, recordOf } from './fields.ts'

/** `{content: [{token, logprob, bytes, top_logprobs}]}`: https://platform.openai.com/docs/api-reference/chat/object */
export function chatLogprobs(value: unknown): readonly TokenLogprobs[] | undefined {
  if (!isRecord(value) || !Array.isArray(value['content'])) return undefined
  const tokens = listOf(value['content']).map(recordOf)
  return tokens.map((each) => ({ ...tokenOf(each), top: listOf(each['top_logprobs']).map(recordOf).map(tokenOf) }))
}

/** `{tokens, token_logprobs, top_logprobs}`: https://platform.openai.com/docs/api-reference/completions/object */
export function completionLogprobs(value: unknown): readonly TokenLogprobs[] | undefined {
  if (!isRecord(value) || !Array.isArray(value['tokens'])) return undefined
  const logprobs = listOf(value['token_logprobs'])
  const tops = listOf(value['top_logprobs'])
  return listOf(value['tokens']).map((token, index) => ({
    ...tokenOf({ token, logprob: logprobs[index] }),
    top: Object.entries(recordOf(tops[index])).map(([each, logprob]) => tokenOf({ token: each, logprob })),
  }))
}

/** Several providers leave `bytes` out, and then the token's own are the best that is known. */
function tokenOf({ token, logprob, bytes }: Readonly<Record<string, unknown>>): TokenLogprob {
  const text = typeof token === 'string' ? token : ''
  return {
    token: text,
    logprob: typeof logprob === 'number' ? logprob : 0,
    bytes: Array.isArray(bytes) ? bytes.filter((each) => typeof each === 'number') : [...Buffer.from(text)],
  }
}
