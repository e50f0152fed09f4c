import type { InferloomError } from '../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Cost } from '../catalog/price.ts'
import type { RelayChunk } from '../providers/provider.ts'
import type { LedgerEntry } from '../storage/ledger/ledger-batch.ts'
import type { AttemptRow, RequestRow } from '../storage/tables.ts'
import type { AnswerSummary, CacheOutcome } from './cache/answer-cache.ts'
import { localCaller } from './caller.ts'
import { answeringModel } from './answering-model.ts'
import type { ContentTap } from './ledger/content-tap.ts'
import { soundUsage } from './ledger/sound-usage.ts'
import type { Served } from './models.ts'
import type { LostAttempt as LostTry } from './routing/attempt.ts'
import type { RequestContext } from './pipeline.ts'
import { bounds, Histogram } from './telemetry/histogram.ts'

/** Where nobody says how long a prompt was, four bytes of its request count as a token. */
const bytesPerToken = 4
/** Of what clients and providers wrote. */
const longestText = 200

/** With what it cost, where it was to be paid although it came to nothing. */
export type LostAttempt = LostTry & { readonly cost: number | undefined }

/** Watches a request's answer and makes its ledger row of it. */
export class Timings {
  error: InferloomError | undefined
  /** What the answer cost; undefined is unknown. */
  cost: Cost | undefined
  /** The very model that answered, where its provider says. */
  answeredBy: string | undefined
  /** What the caches of answers said. */
  cache: CacheOutcome | undefined
  /** Tries at providers that did not become the answer. */
  readonly lost: LostAttempt[] = []
  plan: string | undefined
  /** The try that became the answer. */
  won: { readonly number: number; readonly startedAt: number } | undefined
  removedTokens: number | undefined
  #served: Served | undefined
  #why: string | undefined
  #keptFrom: { readonly provider: string; readonly model: string } | undefined
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
  #finishReason: FinishReason | undefined
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

  /** Whoever answers, or was asked last. */
  servedBy(served: Served, why = served.why): void {
    this.#served = served
    this.#why = why
  }

  /** It went to a provider at this time; to be told once, of the first try. */
  sent(at: number): void {
    this.#sentAt ??= at
  }

  /** Its first content is there now. */
  begins(at: number): void {
    this.#firstAt = at
  }

  /** An answer that was given before, or to somebody else. */
  kept({ usage, finishReason, provider, model, answeredBy }: AnswerSummary): void {
    this.#keptFrom = { provider, model }
    this.answeredBy = answeredBy
    this.#finishReason = finishReason
    this.#usage = usage
    this.#complete = true
  }

  /** What the ledger keeps of the answer, beside who gave it. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason
  }

  /** `performance.now()` of its first content. */
  get firstAt(): number | undefined {
    return this.#firstAt
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

  /** `at` is `performance.now()` when they came. */
  observe(events: readonly StreamEvent[], at: number): void {
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
          this.#count(1, at)
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
  see({ bytes, deltas, opaque, finishReason, usage, model, error }: RelayChunk): void {
    this.#content?.see(bytes)
    if (!this.#seen && bytes.length > 0) {
      this.#seen = true
      this.answeredBy = model ?? answeringModel(bytes)
    }
    if (opaque) this.#firstAt ??= performance.now()
    else if (deltas > 0) this.#count(deltas, performance.now())
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
    const row = this.#row()
    const attempts = this.lost.length > 0 ? this.#attempts(row) : undefined
    return { row, attempts, body: text === '' ? undefined : text, content }
  }

  /** Every try, that of the answer last. */
  #attempts(row: RequestRow): AttemptRow[] {
    const { receivedAt } = this.#context
    const lost = this.lost.filter(({ sent }) => sent)
    const rows = lost.map(({ candidate, number, startedAt, endedAt, error, ended, cost }) => ({
      number,
      started_ms: startedAt - receivedAt,
      provider: candidate.served.provider.name,
      model: candidate.served.model.slice(0, longestText),
      reason: candidate.served.why ?? null,
      status: error?.kind.status ?? 499,
      error: error?.code ?? ended,
      prompt_tokens: null,
      output_tokens: null,
      ttft_ms: null,
      total_ms: endedAt - startedAt,
      cost_usd: cost ?? null,
    }))
    if (!this.won) return rows
    const { number, startedAt } = this.won
    const startedMs = startedAt - receivedAt
    const { provider, served_model: model, reason, status, error, ttft_ms: ttft, total_ms: total } = row
    const { prompt_tokens, output_tokens, cost_usd } = row
    const one = { number, started_ms: startedMs, provider: provider ?? '', model: model ?? '', reason, status, error }
    const times = { ttft_ms: ttft === null ? null : ttft - startedMs, total_ms: total - startedMs }
    return [...rows, { ...one, prompt_tokens, output_tokens, ...times, cost_usd }]
  }

  #count(deltas: number, now: number): void {
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
      provider: this.#served?.provider.name ?? this.#keptFrom?.provider ?? null,
      served_model: (this.answeredBy ?? this.#served?.model ?? this.#keptFrom?.model)?.slice(0, longestText) ?? null,
      reason: this.#why ?? null,
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
      cache: this.cache ?? null,
      tier: (this.#context.tier ?? caller.tier)?.slice(0, longestText) ?? null,
      deadline_ms: deadlineMs ?? null,
      attempts: (this.lost.length === 0 ? 0 : this.lost.filter(({ sent }) => sent).length) + (this.won ? 1 : 0),
      plan: this.plan ?? null,
      removed_tokens: this.removedTokens ?? null,
    }
  }

  #tokens() {
    const usage = this.#used()
    const input = usage?.inputTokens
    const output = usage?.outputTokens
    const doubt = this.#doubt
    return {
      prompt_tokens: known(doubt, 'inputTokens.total', input?.total),
      cached_tokens: known(doubt, 'inputTokens.cacheRead', input?.cacheRead),
      cache_write_tokens: known(doubt, 'inputTokens.cacheWrite', input?.cacheWrite),
      cache_write_hour_tokens: known(doubt, 'inputTokens.cacheWriteHour', input?.cacheWriteHour),
      audio_input_tokens: known(doubt, 'inputTokens.audio', input?.audio),
      image_tokens: known(doubt, 'inputTokens.image', input?.image),
      output_tokens: known(doubt, 'outputTokens.total', output?.total),
      reasoning_tokens: known(doubt, 'outputTokens.reasoning', output?.reasoning),
      audio_output_tokens: known(doubt, 'outputTokens.audio', output?.audio),
      usage_basis: usage ? (usage === this.#usage ? 'reported' : 'counted') : null,
    }
  }
}

/** Of what was reported and cannot be, nothing is known. */
function known(doubt: readonly string[], name: string, value: number | undefined): number | null {
  return value === undefined || (doubt.length > 0 && doubt.includes(name)) ? null : value
}
