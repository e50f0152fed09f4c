// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
import type { Said, WireReading } from './said.ts'

interface Part {
  readonly text?: string
  readonly thought?: boolean
  readonly functionCall?: { readonly id?: string; readonly name: string; readonly args?: unknown }
}

interface Body {
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly Part[] }
    readonly finishReason?: string
    readonly logprobsResult?: {
      readonly chosenCandidates?: readonly { readonly token: string; readonly logProbability: number }[]
    }
  }[]
  readonly usageMetadata?: {
    readonly promptTokenCount?: number
    readonly candidatesTokenCount?: number
    readonly thoughtsTokenCount?: number
    readonly cachedContentTokenCount?: number
  }
}

const reasons: Readonly<Record<string, string>> = { STOP: 'stop', MAX_TOKENS: 'length' }

function read(bodies: readonly Body[]): Said {
  const candidates = bodies.flatMap((body) => body.candidates?.[0] ?? [])
  const parts = candidates.flatMap(({ content }) => content?.parts ?? [])
  const calls = parts.flatMap(({ functionCall: call }) =>
    call ? [{ id: call.id, name: call.name, arguments: call.args ?? {} }] : [],
  )
  const reason = candidates.map(({ finishReason }) => finishReason ?? '').join('')
  const usage = bodies.findLast(({ usageMetadata }) => usageMetadata)?.usageMetadata
  const { candidatesTokenCount, thoughtsTokenCount: thoughts = 0 } = usage ?? {}
  return {
    text: parts.map(({ text, thought }) => (thought ? '' : (text ?? ''))).join(''),
    reasoning: parts.map(({ text, thought }) => (thought ? (text ?? '') : '')).join(''),
    calls,
    finish: reason === 'STOP' && calls.length > 0 ? 'tool-calls' : (reasons[reason] ?? 'content-filter'),
    logprobs: candidates.flatMap(({ logprobsResult }) =>
      (logprobsResult?.chosenCandidates ?? []).map(({ token, logProbability }) => [token, logProbability] as const),
    ),
    usage: {
      input: usage?.promptTokenCount,
      cacheRead: usage?.cachedContentTokenCount ?? 0,
      cacheWrite: 0,
      // Thoughts are counted beside the candidates.
      output: candidatesTokenCount === undefined ? undefined : candidatesTokenCount + thoughts,
      reasoning: thoughts,
    },
  }
}

export const gemini: WireReading = {
  whole: (body) => read([body as Body]),
  stream: (payloads) => read(payloads as readonly Body[]),
}
