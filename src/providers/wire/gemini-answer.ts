// https://ai.google.dev/api/generate-content#v1beta.Candidate
import { randomUUID } from 'node:crypto'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent, TokenLogprob, TokenLogprobs } from '../../canonical/events.ts'
import { listOf, recordOf, textOf } from './fields.ts'
import { wire } from './gemini-contents.ts'
import { geminiFinishReason, refuseFailure } from './gemini-finish-reason.ts'
import { reportedError } from './gemini-refusal.ts'
import type { Candidate, GeminiPart, GeminiResponse } from './gemini-response.ts'
import { geminiUsage } from './gemini-usage.ts'

/** What has come of one candidate beside what was passed on at once. */
interface Choice {
  calls: number
  finishReason: string | undefined
  /** What Google says of a candidate beside its parts; later pieces repeat and complete it. */
  beside: Readonly<Record<string, unknown>>
}

/** An answer in one piece or many: each is a response of its own, whose parts are appended. */
export class GeminiAnswer {
  readonly #choices = new Map<number, Choice>()
  #usage: NonNullable<GeminiResponse['usageMetadata']> = {}
  #begun = false

  add(response: GeminiResponse): StreamEvent[] {
    const { error, candidates, promptFeedback, usageMetadata } = response
    if (error !== undefined && error !== null) throw reportedError(error)
    if (usageMetadata) this.#usage = usageMetadata
    const reason = promptFeedback?.blockReason
    if (reason !== undefined && (candidates ?? []).length === 0) {
      const message = `The provider blocked the prompt (${reason.slice(0, 60)}). Remedy: change the prompt.`
      throw new InferloomError('content_filtered', message)
    }
    return [...this.#metadata(response), ...(candidates ?? []).flatMap((each) => this.#candidate(each))]
  }

  /** The ends of all candidates come last: older models say STOP with every piece. */
  end(): StreamEvent[] {
    const ends = [...this.#choices].toSorted(([a], [b]) => a - b).flatMap(([index, choice]) => endOf(index, choice))
    if (ends.length === 0) {
      throw new InferloomError('provider_invalid_reply', "The provider's answer has no candidates.")
    }
    return [...ends, { type: 'finish', usage: geminiUsage(this.#usage) }]
  }

  #metadata({ responseId: id, modelVersion: model }: GeminiResponse): StreamEvent[] {
    if (this.#begun || (id ?? model) === undefined) return []
    this.#begun = true
    return [{ type: 'response-metadata', ...(id !== undefined && { id }), ...(model !== undefined && { model }) }]
  }

  #candidate(candidate: Candidate): StreamEvent[] {
    const { index = 0, content, finishReason, logprobsResult } = candidate
    const choice = this.#choices.get(index) ?? { calls: 0, finishReason: undefined, beside: {} }
    this.#choices.set(index, choice)
    if (finishReason !== undefined) {
      refuseFailure(finishReason)
      choice.finishReason = finishReason
    }
    const { groundingMetadata, citationMetadata, urlContextMetadata } = candidate
    choice.beside = {
      ...choice.beside,
      ...(groundingMetadata && { groundingMetadata }),
      ...(citationMetadata && { citationMetadata }),
      ...(urlContextMetadata && { urlContextMetadata }),
    }
    const events = (content?.parts ?? []).flatMap((part) => this.#part(part, index, choice))
    // Google tells them for a piece, not for a part.
    const logprobs = logprobsOf(logprobsResult)
    if (!logprobs || logprobs.length === 0) return events
    const first = events.findIndex(({ type }) => type === 'text-delta')
    if (first !== -1) return events.map((event, at) => (at === first ? { ...event, logprobs } : event))
    // A piece without words tells them of what was said before; one of thoughts or calls, of these.
    const ofOthers = events.some(({ type }) => type === 'reasoning-delta' || type === 'tool-input-start')
    return ofOthers ? events : [{ type: 'text-delta', choiceIndex: index, text: '', logprobs }, ...events]
  }

  #part(part: GeminiPart, choiceIndex: number, choice: Choice): StreamEvent[] {
    const { text, thought, thoughtSignature: value, functionCall } = part
    const signature = value === undefined ? undefined : { wire, value }
    if (functionCall) {
      const toolIndex = choice.calls++
      // Only newer models name their calls.
      const { id = `call_${randomUUID().replaceAll('-', '')}`, name: toolName, args } = functionCall
      const start = { choiceIndex, toolIndex, id, toolName, ...(signature && { signature }) }
      return [
        { type: 'tool-input-start', ...start },
        { type: 'tool-input-delta', choiceIndex, toolIndex, delta: JSON.stringify(args ?? {}) },
        { type: 'tool-input-end', choiceIndex, toolIndex },
      ]
    }
    if (text === undefined) return [{ type: 'raw', choiceIndex, wire, value: { part } }]
    const type = thought === true ? 'reasoning-delta' : 'text-delta'
    return [
      ...(text === '' ? [] : [{ type, choiceIndex, text } as const]),
      ...(signature ? [{ type: 'reasoning-end', choiceIndex, signature } as const] : []),
    ]
  }
}

function endOf(choiceIndex: number, { calls, finishReason, beside }: Choice): StreamEvent[] {
  if (finishReason === undefined) {
    throw new InferloomError(
      'provider_invalid_reply',
      "The provider's answer ended before its finishReason: it was cut.",
    )
  }
  return [
    ...sourcesOf(beside).map((source) => ({ type: 'source' as const, choiceIndex, ...source })),
    ...(Object.keys(beside).length > 0 ? [{ type: 'raw' as const, choiceIndex, wire, value: { beside } }] : []),
    {
      type: 'text-end',
      choiceIndex,
      finishReason: geminiFinishReason(finishReason, calls > 0),
      rawFinishReason: finishReason,
    },
  ]
}

/** https://ai.google.dev/api/generate-content#GroundingChunk and …#CitationSource, each page once. */
function sourcesOf({ groundingMetadata, citationMetadata }: Choice['beside']): { url: string; title?: string }[] {
  const chunks = listOf(recordOf(groundingMetadata)['groundingChunks'])
    .map(recordOf)
    .map(({ web, maps, retrievedContext }) => recordOf(web ?? maps ?? retrievedContext))
  const { citationSources, citations } = recordOf(citationMetadata)
  const pages = new Map<string, { url: string; title?: string }>()
  for (const { uri, title } of [...chunks, ...listOf(citationSources ?? citations).map(recordOf)]) {
    const url = textOf(uri)
    const name = textOf(title)
    if (url !== undefined && !pages.has(url)) pages.set(url, { url, ...(name !== undefined && { title: name }) })
  }
  return [...pages.values()]
}

function logprobsOf(result: Candidate['logprobsResult']): readonly TokenLogprobs[] | undefined {
  return result?.chosenCandidates?.map((each, index) => ({
    ...tokenOf(each),
    top: (result.topCandidates?.[index]?.candidates ?? []).map(tokenOf),
  }))
}

/** An absent number is 0, as everywhere in Google's JSON. */
function tokenOf({
  token = '',
  logProbability: logprob = 0,
}: {
  token?: string | undefined
  logProbability?: number | undefined
}): TokenLogprob {
  return { token, logprob, bytes: [...Buffer.from(token)] }
}
