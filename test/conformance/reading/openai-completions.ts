// https://platform.openai.com/docs/api-reference/completions/object
import { openaiUsageSaid, type OpenaiUsage } from './openai-chat.ts'
import type { Said, WireReading } from './said.ts'

interface Body {
  readonly choices?: readonly {
    readonly index?: number
    readonly text?: string
    readonly finish_reason?: string | null
    readonly logprobs?: { readonly tokens?: readonly string[]; readonly token_logprobs?: readonly number[] } | null
  }[]
  readonly usage?: OpenaiUsage | null
}

function read(bodies: readonly Body[]): Said {
  const choices = bodies.flatMap((body) => body.choices ?? []).filter(({ index = 0 }) => index === 0)
  return {
    text: choices.map(({ text }) => text ?? '').join(''),
    reasoning: '',
    calls: [],
    finish: choices
      .map(({ finish_reason: reason }) => reason ?? '')
      .join('')
      .replaceAll('_', '-'),
    logprobs: choices.flatMap(({ logprobs }) =>
      (logprobs?.tokens ?? []).map((token, at) => [token, logprobs?.token_logprobs?.[at] ?? Number.NaN] as const),
    ),
    usage: openaiUsageSaid(bodies.findLast(({ usage }) => usage)?.usage),
  }
}

export const openaiCompletions: WireReading = {
  whole: (body) => read([body as Body]),
  stream: (payloads) => read(payloads as readonly Body[]),
}
