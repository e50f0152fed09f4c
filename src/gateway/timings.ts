import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Cost } from '../catalog/price.ts'
import type { RelayChunk } from '../providers/provider.ts'
import type { LedgerEntry } from '../storage/ledger/ledger-batch.ts'
import type { RequestRow } from '../storage/tables.ts'
import { localCaller } from './caller.ts'
import { answeringModel } from './answering-model.ts'
import type { ContentTap } from './ledger/content-tap.ts'
import { soundUsage } from './ledger/sound-usage.ts'
import type { Served } from './models.ts'
import type { RequestContext } from './pipeline.ts'
import { bounds, Histogram } from './telemetry/histogram.ts'

/** Where nobody says how long a prompt was, four bytes of its request count as a token. */
const bytesPerToken = 4
/** Of what clients and providers wrote. */
const longestText = 200

/** Watches a request's answer and makes its ledger row of it. */
export class Timings {
  error: InferloomError | undefined
  /** What the answer cost; undefined is unknown. */
  cost: Cost | undefined
  /** The very model that answered, where its provider says. */
  answeredBy: string | undefined
  #served: Served | undefined
  /** Whether bytes of the answer were seen. */
  #seen = false
  #sentAt: number | undefined
  #complete = false
  readonly #model: string
  readonly #context: RequestContext
  readonly #content: ContentTap | undefined
  #firstAt: number | undefined
  #lastAt: number | undefined
  #gaps: Histogram | undefined
  #finishReason: string | undefined
  #usage: Usage | undefined
  #doubt: readonly string[] = []
  /** Pieces of output so far: what is known of the output when the reader leaves before the usage comes. */
  #deltas = 0
  /** Of these, the ones that the usage does not count yet. */
  #uncounted = 0

  constructor(model: string, context: RequestContext, content?: ContentTap) {
    this.#model = model
    this.#context = context
    this.#content = content
  }

  servedBy(served: Served): void {
    this.#served = served
  }

  /** Its turn has come: it goes to its provider now. */
  sent(): void {
    this.#sentAt = performance.now()
  }

  /**
   * What was reported, or else what was counted of an answer that ended before that. Undefined where nothing came, or
   * where what was reported cannot be.
   */
  get usage(): Usage | undefined {
    return this.#doubt.some((name) => name.endsWith('.total')) ? undefined : this.#used()
  }

  #used(): Usage | undefined {
    const usage = this.#usage
    if (usage && (this.#complete || this.#uncounted === 0)) return usage
    // One piece may be a whole answer, which says nothing of its tokens.
    if (this.#deltas === 0 || (this.#deltas === 1 && !this.#context.stream)) return usage
    const inputTokens = usage?.inputTokens ?? { total: this.#promptEstimate(), cacheRead: 0 }
    const { total, reasoning } = usage?.outputTokens ?? { total: 0, reasoning: 0 }
    return { ...usage, inputTokens, outputTokens: { total: total + this.#uncounted, reasoning } }
  }

  #promptEstimate(): number {
    return Math.ceil((this.#context.text?.length ?? 0) / bytesPerToken)
  }

  observe(events: readonly StreamEvent[]): void {
    this.#content?.observe(events)
    for (const event of events) {
      switch (event.type) {
        case 'response-metadata':
          this.answeredBy = event.model ?? this.answeredBy
          if (event.usage) this.#take(event.usage)
          break
        case 'text-delta':
        case 'refusal-delta':
        case 'reasoning-delta':
        case 'tool-input-start':
        case 'tool-input-delta':
          this.#count(1)
          break
        case 'tool-input-end':
        case 'reasoning-end':
        case 'source':
        case 'raw':
          break
        case 'text-end':
          this.#finishReason ??= event.finishReason
          break
        case 'finish':
          this.#take(event.usage)
          this.#complete = true
          break
      }
    }
  }

  /** What was seen in bytes on their way. */
  see({ bytes, deltas, opaque, finishReason, usage, error }: RelayChunk): void {
    this.#content?.see(bytes)
    if (!this.#seen && bytes.length > 0) {
      this.#seen = true
      this.answeredBy = answeringModel(bytes)
    }
    if (opaque) this.#firstAt ??= performance.now()
    else if (deltas > 0) this.#count(deltas)
    if (finishReason !== undefined) this.#finishReason ??= finishReason
    if (usage) this.#take(usage)
    if (error) this.error ??= error
  }

  /** Whether what comes now is the end of the answer. */
  get isFinishing(): boolean {
    return this.#finishReason !== undefined
  }

  /** There is nothing more to come. */
  complete(): void {
    this.#complete = true
  }

  /** How long pieces of output came after each other; absent where there were not two. */
  get gaps(): Histogram | undefined {
    return this.#gaps
  }

  entry(): LedgerEntry {
    const { text } = this.#context
    const content = this.#content?.content()
    return { row: this.#row(), ...(text && { body: text }), ...(content && { content }) }
  }

  #count(deltas: number): void {
    const now = performance.now()
    if (this.#lastAt === undefined) this.#firstAt = now
    else (this.#gaps ??= new Histogram(bounds.perToken)).observe((now - this.#lastAt) / 1000)
    this.#lastAt = now
    this.#deltas += deltas
    this.#uncounted += deltas
  }

  #take(usage: Usage): void {
    const sound = soundUsage(usage)
    const isNothing = usage.inputTokens.total === 0 && usage.outputTokens.total === 0
    // So say those who say nothing; what cannot be was said.
    if (isNothing && sound.doubt.length === 0 && this.#deltas > 0) return
    this.#uncounted = 0
    this.#usage = sound.usage
    this.#doubt = sound.doubt
  }

  #row(): RequestRow {
    const { id, dialect, stream, receivedAt, caller = localCaller, deadlineMs } = this.#context
    const total = performance.now() - receivedAt
    const ttft = this.#firstAt === undefined ? null : this.#firstAt - receivedAt
    const left = !this.error && !this.#complete
    const tokens = this.#tokens()
    const { output_tokens: output } = tokens
    return {
      id,
      received_at: Math.round(Date.now() - total),
      key_id: caller.keyId,
      key_name: caller.name,
      team_id: caller.teamId ?? null,
      dialect,
      model: this.#model.slice(0, longestText),
      provider: this.#served?.provider.name ?? null,
      served_model: (this.answeredBy ?? this.#served?.model)?.slice(0, longestText) ?? null,
      reason: this.#served?.why ?? null,
      stream: stream ? 1 : 0,
      status: this.error?.kind.status ?? (left ? 499 : 200),
      ...tokens,
      doubt: this.#doubt.length > 0 ? this.#doubt.join(',') : null,
      ttft_ms: ttft,
      tpot_ms: ttft !== null && output !== null && output > 1 ? (total - ttft) / (output - 1) : null,
      queue_ms: this.#sentAt === undefined ? null : this.#sentAt - receivedAt,
      total_ms: total,
      finish_reason: this.#finishReason ?? null,
      error: this.error?.code ?? (left ? 'client_closed' : null),
      cost_usd: this.#doubt.length > 0 ? null : (this.cost?.usd ?? null),
      price: this.#doubt.length > 0 ? null : (this.cost?.price ?? null),
      cache: null,
      tier: (this.#context.tier ?? caller.tier)?.slice(0, longestText) ?? null,
      deadline_ms: deadlineMs ?? null,
      attempts: this.#served ? 1 : 0,
      plan: null,
      removed_tokens: null,
    }
  }

  #tokens() {
    const usage = this.#used()
    const input = usage?.inputTokens
    const output = usage?.outputTokens
    /** Of what was reported and cannot be, nothing is known. */
    const of = (name: string, value: number | undefined) => (this.#doubt.includes(name) ? null : (value ?? null))
    return {
      prompt_tokens: of('inputTokens.total', input?.total),
      cached_tokens: of('inputTokens.cacheRead', input?.cacheRead),
      cache_write_tokens: of('inputTokens.cacheWrite', input?.cacheWrite),
      cache_write_hour_tokens: of('inputTokens.cacheWriteHour', input?.cacheWriteHour),
      audio_input_tokens: of('inputTokens.audio', input?.audio),
      image_tokens: of('inputTokens.image', input?.image),
      output_tokens: of('outputTokens.total', output?.total),
      reasoning_tokens: of('outputTokens.reasoning', output?.reasoning),
      audio_output_tokens: of('outputTokens.audio', output?.audio),
      usage_basis: usage ? (usage === this.#usage ? 'reported' : 'counted') : null,
    }
  }
}
