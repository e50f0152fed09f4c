import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import { dropTurns, type Dropped } from './drop-turns.ts'
import { estimatePrompt, estimateTokens } from './prompt-length.ts'
import type { ShapeAbout, Shaped, UnreadPrompt } from './prompt-policy.ts'
import { beginningKeys, type Summaries, type SummarySettings } from './summary.ts'
import { turnsOf, type Turn } from './turns.ts'

export interface FitSettings {
  readonly overflow: 'refuse' | 'drop-oldest' | 'middle-out' | 'summarise'
  readonly rounds: boolean
  readonly maxTokens: number | undefined
  readonly answerTokens: number
  readonly count: 'estimate' | 'ask'
  readonly summarise: SummarySettings | undefined
}

/** An estimate this far below the limit, or above it, is not asked about. */
const sureShare = 0.7
const surelyTooLong = 1.5
/** What is cut by an estimate is cut to this much of the limit, and what is summarised to less: it grows again. */
const cutShare = 0.95
const summaryShare = 0.75
/** In a body: what is longer to a model than its address. */
const linked =
  /"(image|image_url|input_image|file|input_file|document|file_data|fileData|inlineData|audio|input_audio)"/

/** Makes prompts fit beside their answers. */
export class Fitting {
  readonly #settings: FitSettings
  readonly #summaries: Summaries
  /** How many tokens a provider counted for one that was estimated, by request as long as it is shaped. */
  readonly #measured = new WeakMap<GenerateRequest, number>()

  constructor(settings: FitSettings, summaries: Summaries) {
    this.#settings = settings
    this.#summaries = summaries
  }

  /** A token is at least a byte of what was sent, unless that only names an image or a file. */
  surelyFits({ text, contextTokens, maxOutputTokens }: UnreadPrompt): boolean {
    const limit = this.#limit(contextTokens, maxOutputTokens)
    if (limit === undefined) return true
    return text !== undefined && text.length <= limit && !linked.test(text)
  }

  fits(request: GenerateRequest, about: ShapeAbout): boolean | Promise<boolean> {
    const limit = this.#limit(about.contextTokens, request.maxOutputTokens)
    if (limit === undefined) return true
    const estimate = estimatePrompt(request)
    const { provider } = about.served
    const isSure = estimate <= limit * sureShare || estimate > limit * surelyTooLong
    if (isSure || this.#settings.count === 'estimate' || !provider.countTokens) return estimate <= limit
    return this.#counted(request, about).then((tokens) => {
      if (tokens === undefined) return estimate <= limit
      this.#measured.set(request, tokens / Math.max(1, estimate))
      return tokens <= limit
    })
  }

  /** Drops or summarises turns of a prompt that is too long; `looked` is what was looked at to know that. */
  fit(request: GenerateRequest, about: ShapeAbout, looked = request): Shaped | Promise<Shaped> {
    const { overflow, rounds } = this.#settings
    const limit = this.#limit(about.contextTokens, request.maxOutputTokens) ?? Infinity
    const tokens = estimatePrompt(request)
    if (overflow === 'refuse') throw tooLong(request, tokens, limit)
    // Bare prompts have no turns; whether they fit, their provider says.
    if (request.input.kind !== 'chat') return { request, removed: [] }
    const { messages } = request.input
    // A provider's own count says how wrong the estimates of this prompt are; where it has none, they are taken as they are.
    const scale = Math.max(0.5, this.#measured.get(looked) ?? 1)
    const turns = turnsOf(messages, { rounds })
    const excess = (share: number) => tokens - (limit * share) / scale
    const drop = (order: 'drop-oldest' | 'middle-out'): Shaped => {
      const dropped = dropTurns(messages, turns, { excess: excess(cutShare), order })
      if (!dropped.isEnough && tokens - dropped.tokens > limit / scale) throw tooLong(request, tokens, limit)
      return shortened(request, dropped, order)
    }
    if (overflow !== 'summarise') return drop(overflow)
    const { summarise } = this.#settings
    if (!summarise) return drop('drop-oldest')
    const given = { request, messages, turns, excess: excess(summaryShare), mostExcess: excess(1), settings: summarise }
    return this.#summarised(given, about).catch((error: unknown) => {
      if (about.signal.aborted) throw about.signal.reason
      if (summarise.onFailure === 'drop-oldest') return drop('drop-oldest')
      throw tooLong(request, tokens, limit, error)
    })
  }

  async #summarised(given: Summarised, about: ShapeAbout): Promise<Shaped> {
    const { request, messages, turns, excess, mostExcess, settings } = given
    const scope = about.caller?.keyId ?? request.owner ?? ''
    const loose = turns.filter(({ isKept }) => !isKept)
    const keys = beginningKeys(
      messages,
      loose.map(({ end }) => end),
      scope,
    )
    const known = this.#summaries.known(keys)
    if (known) {
      // What an earlier request had summarised is enough as long as the rest fits.
      const gone = loose.slice(0, known.index + 1)
      const dropped = dropTurns(messages, gone, { excess: Infinity, order: 'drop-oldest' })
      if (dropped.tokens - estimateTokens(known.text) >= mostExcess) return summaryInstead(request, dropped, known.text)
    }
    const wanted = excess + settings.outputTokens
    const dropped = dropTurns(messages, turns, { excess: wanted, order: 'drop-oldest' })
    const last = dropped.turns.length - 1
    const key = keys[last]
    const end = dropped.turns[last]?.end
    if (key === undefined || end === undefined) throw new Error('There is nothing to summarise.')
    const from = known && known.index < last ? (loose[known.index]?.end ?? 0) : 0
    const { text, cost } = await this.#summaries.write(
      messages.slice(from, end).filter(({ role }) => role !== 'system'),
      settings,
      { key, before: from > 0 ? known?.text : undefined, caller: about.caller, signal: about.signal },
    )
    if (dropped.tokens - estimateTokens(text) < mostExcess)
      throw new Error('The prompt is too long beside its summary.')
    return { ...summaryInstead(request, dropped, text), ...(cost !== undefined && { cost }) }
  }

  #limit(contextTokens: number | undefined, maxOutputTokens: number | undefined): number | undefined {
    const { maxTokens, answerTokens } = this.#settings
    // What is wanted of the answer alone may be more than there is, which is the provider's to say.
    const room =
      contextTokens === undefined ? undefined : Math.max(1, contextTokens - (maxOutputTokens ?? answerTokens))
    return room === undefined ? maxTokens : Math.min(room, maxTokens ?? Infinity)
  }

  async #counted(request: GenerateRequest, { served, signal }: ShapeAbout): Promise<number | undefined> {
    try {
      return (await served.provider.countTokens?.(request, signal))?.tokens
    } catch {
      if (signal.aborted) throw signal.reason
      // Whoever cannot count may be able to answer.
      return undefined
    }
  }
}

interface Summarised {
  readonly request: GenerateRequest
  readonly messages: readonly Message[]
  readonly turns: readonly Turn[]
  /** Tokens that are to go, and that have to. */
  readonly excess: number
  readonly mostExcess: number
  readonly settings: SummarySettings
}

function shortened(request: GenerateRequest, { messages, tokens }: Dropped, policy: string): Shaped {
  if (tokens === 0) return { request, removed: [] }
  return { request: { ...request, input: { kind: 'chat', messages } }, removed: [{ policy, tokens }] }
}

/**
 * The summary stands before what the user says next, as the user's own: it was written from what users and tools said,
 * and must not have the weight of instructions.
 */
function summaryInstead(request: GenerateRequest, { messages, tokens }: Dropped, text: string): Shaped {
  const at = messages.findIndex(({ role }) => role !== 'system')
  const said = `Summary of the earlier part of this conversation:\n${text}`
  const next = messages[at]
  const kept =
    next?.role === 'user'
      ? messages.with(at, { ...next, content: withBefore(said, next.content) })
      : messages.toSpliced(Math.max(0, at), 0, { role: 'user', content: said })
  return {
    request: { ...request, input: { kind: 'chat', messages: kept } },
    removed: [{ policy: 'summarise', tokens: Math.max(0, tokens - estimateTokens(said)) }],
  }
}

function withBefore(said: string, content: Message['content']): Message['content'] {
  return typeof content === 'string' ? `${said}\n\n${content}` : [{ type: 'text', text: said }, ...content]
}

function tooLong(request: GenerateRequest, tokens: number, limit: number, cause?: unknown): InferloomError {
  const message = `The prompt has about ${tokens} tokens, and '${request.model.slice(0, 200)}' has room for ${Math.floor(limit)}; what may be left out of it is not enough. Remedy: shorten the conversation, or use a model with a larger context.`
  return new InferloomError('context_length_exceeded', message, {
    param: 'messages',
    ...(cause !== undefined && { cause }),
  })
}
