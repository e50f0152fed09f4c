import { InferloomError } from '../../canonical/errors.ts'
import type { AnswerReader } from '../question.ts'
import type { AnswerCache, AnswerSummary, CacheAsked, CacheOutcome } from './answer-cache.ts'
import { CacheKeys, isDeterministic, type CacheScope } from './cache-key.ts'
import { replay, type KeptAnswer } from './kept-answer.ts'
import { MemoryTier } from './memory-tier.ts'
import type { SecondTier } from './second-tier.ts'
import type { SemanticIndex } from './semantic-index.ts'
import { SharedAnswer } from './shared-answer.ts'

export interface CacheSettings {
  readonly sampled: boolean
  readonly scope: CacheScope
  readonly ttlSeconds: number
  readonly memoryMB: number
  readonly maxAnswerMB: number
}

export interface CacheParts {
  readonly settings: CacheSettings
  readonly second?: SecondTier
  readonly semantic?: SemanticIndex
}

type Steps = Parameters<AnswerCache['answer']>[2]

/** For whoever looks on. */
export interface CacheReport {
  readonly outcomes: Readonly<Record<CacheOutcome, number>>
  readonly answers: number
  readonly bytes: number
  readonly inFlight: number
}

/** Gives answers again: those that were given, and those that are being given. */
export class KeptAnswers implements AnswerCache {
  #parts: CacheParts
  #keys: CacheKeys
  readonly #memory: MemoryTier
  readonly #inFlight = new Map<string, SharedAnswer>()
  readonly #outcomes: Record<CacheOutcome, number> = { hit: 0, shared: 0, semantic: 0, miss: 0, off: 0 }

  constructor(parts: CacheParts) {
    this.#parts = parts
    this.#keys = new CacheKeys(parts.settings.scope)
    this.#memory = new MemoryTier(parts.settings.memoryMB * 1e6)
  }

  answer(asked: CacheAsked, reader: AnswerReader, steps: Steps): Promise<AnswerSummary> {
    const key = this.#keys.of(asked)
    if (key === undefined) {
      this.#say(steps, 'off')
      return steps.make(reader, asked.signal)
    }
    if (asked.wish === 'refresh') return this.#make(key, asked, reader, steps)
    const kept = this.#memory.get(key, this.#since())
    if (kept) return this.#give(kept, 'hit', reader, steps)
    return this.#look(key, asked, reader, steps)
  }

  takes(asked: Pick<CacheAsked, 'model' | 'body' | 'wish'>): boolean {
    const isKept = this.#isKept(asked)
    if (!isKept) this.#outcomes.off++
    return isKept
  }

  configure(settings: CacheSettings): void {
    if (settings.scope !== this.#parts.settings.scope) this.#keys = new CacheKeys(settings.scope)
    this.#memory.configure(settings.memoryMB * 1e6)
    this.#parts = { ...this.#parts, settings }
  }

  report(): CacheReport {
    return { outcomes: { ...this.#outcomes }, ...this.#memory.size, inFlight: this.#inFlight.size }
  }

  async close(): Promise<void> {
    await this.#parts.second?.close()
  }

  #isKept({ wish, body, model }: Pick<CacheAsked, 'model' | 'body' | 'wish'>): boolean {
    if (wish !== undefined) return wish !== 'off'
    if (this.#parts.semantic?.wants(model)) return true
    return body !== undefined && (this.#parts.settings.sampled || isDeterministic(body))
  }

  #since(): number {
    return Date.now() - this.#parts.settings.ttlSeconds * 1000
  }

  async #look(key: string, asked: CacheAsked, reader: AnswerReader, steps: Steps): Promise<AnswerSummary> {
    const { second, semantic } = this.#parts
    if (second) {
      const kept = await second.get(key, this.#since())
      if (kept) {
        this.#memory.set(key, kept)
        return await this.#give(kept, 'hit', reader, steps)
      }
    }
    const running = this.#running(key, asked)
    if (running) return await this.#join(running, asked, reader, steps)
    if (semantic) {
      const alike = await semantic.find(asked, key)
      const kept = alike === undefined ? undefined : this.#memory.get(alike, this.#since())
      if (kept) return await this.#give(kept, 'semantic', reader, steps)
      // The same request may have come while this one looked.
      const begun = this.#running(key, asked)
      if (begun) return await this.#join(begun, asked, reader, steps)
    }
    if (asked.wish === 'only') {
      throw new InferloomError(
        'cache_miss',
        'No answer to this request is kept. Remedy: ask without x-inferloom-cache: only.',
      )
    }
    return await this.#make(key, asked, reader, steps)
  }

  /** An answer that is being made and that can be read from its beginning. */
  #running(key: string, { isUrgent }: CacheAsked): SharedAnswer | undefined {
    const running = this.#inFlight.get(key)
    return running?.isWhole && !running.isLeft && isUrgent !== true ? running : undefined
  }

  #join(running: SharedAnswer, { signal }: CacheAsked, reader: AnswerReader, steps: Steps): Promise<AnswerSummary> {
    this.#say(steps, 'shared')
    return running.follow(reader, signal, false)
  }

  async #give(kept: KeptAnswer, outcome: CacheOutcome, reader: AnswerReader, steps: Steps): Promise<AnswerSummary> {
    this.#say(steps, outcome)
    await replay(kept, reader)
    return kept.summary
  }

  /** Makes the answer for its first reader and for all that come while it is made, and keeps it. */
  #make(key: string, asked: CacheAsked, reader: AnswerReader, steps: Steps): Promise<AnswerSummary> {
    this.#say(steps, 'miss')
    const shared = new SharedAnswer(this.#parts.settings.maxAnswerMB * 1e6)
    const isFirst = (this.#inFlight.get(key)?.isLeft ?? true) && asked.isUrgent !== true && asked.wish !== 'refresh'
    if (isFirst) this.#inFlight.set(key, shared)
    const following = shared.follow(reader, asked.signal, true)
    void steps
      .make(shared, shared.controller.signal)
      .then((summary) => {
        this.#over(key, shared)
        // Before it is kept: whoever reads it must not wait for ever where that fails.
        shared.finish(summary)
        this.#keep(key, asked, shared, summary)
      })
      .catch((error: unknown) => {
        this.#over(key, shared)
        shared.fail(error)
      })
    return following
  }

  #over(key: string, shared: SharedAnswer): void {
    if (this.#inFlight.get(key) === shared) this.#inFlight.delete(key)
  }

  #keep(key: string, asked: CacheAsked, shared: SharedAnswer, summary: AnswerSummary): void {
    // What a filter cut, or what ended without a word, is not the answer.
    if (summary.finishReason === undefined || summary.finishReason === 'content-filter') return
    const kept = shared.kept(summary, Date.now())
    if (!kept) return
    this.#memory.set(key, kept)
    this.#parts.second?.set(key, kept)
    this.#parts.semantic?.kept(asked, key, kept)
  }

  #say(steps: Steps, outcome: CacheOutcome): void {
    this.#outcomes[outcome]++
    steps.outcome(outcome)
  }
}
