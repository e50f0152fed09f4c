import type { Timekeeper } from '../../timekeeper.ts'
import type { CacheAsked } from '../answer-cache.ts'
import type { KeptAnswer } from '../kept-answer.ts'
import type { SemanticIndex } from '../semantic-index.ts'
import { answerText } from './answer-text.ts'
import { framed, type FramedQuestion } from './question-frame.ts'
import { sameFacts } from './same-facts.ts'
import { thresholdOf, upperBound, type Judged } from './threshold.ts'

interface SemanticSettings {
  readonly mode: 'shadow' | 'serve'
  readonly model: string
  readonly errorRate: number
  readonly checkShare: number
  readonly answersAlike: number
  readonly maxEntries: number
  /** Pairs that somebody has compared, to begin from. */
  readonly labels?: readonly LabelledPair[] | undefined
}

export interface LabelledPair {
  readonly a: string
  readonly b: string
  /** Whether they want the same answer. */
  readonly same: boolean
}

export interface SemanticParts {
  /** By the name of their route. */
  readonly routes: Readonly<Record<string, SemanticSettings>>
  /** Vectors of length 1. */
  readonly embed: (model: string, texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>
  readonly timekeeper: Timekeeper
  readonly random: () => number
}

/** For whoever looks on. */
export interface SemanticReport {
  readonly route: string
  readonly mode: SemanticSettings['mode']
  readonly entries: number
  /** Pairs of questions whose answers were compared, and of those that the threshold lets through, how many differed. */
  readonly judged: number
  readonly passed: number
  readonly wrong: number
  /** What the share of wrong ones is below, as sure as 19 of 20. */
  readonly errorBound: number
  /** Null as long as too little is known to give any answer again. */
  readonly threshold: number | null
  /** Answers that were given again, or would have been. */
  readonly given: number
  readonly wouldHave: number
}

interface Entry {
  readonly key: string
  readonly text: string
  readonly vector: Float32Array
  readonly answer: KeptAnswer
}

interface Pending {
  readonly question: FramedQuestion
  readonly vector: Float32Array
  readonly nearest: { readonly entry: Entry; readonly similarity: number } | undefined
}

/** Pairs whose answers were compared; of more, the oldest are forgotten. */
const mostJudged = 5000
/** Requests that were looked for and are not answered yet. */
const mostPending = 2000
/** Milliseconds that making a vector may take before the request goes on without. */
const longestEmbedMs = 250
const labelsAtOnce = 64
/** Similarities below which nothing is learnt: no threshold is that low. */
const leastSimilarity = 0.5

/** What is known of one route. */
class RouteIndex {
  readonly settings: SemanticSettings
  /** By frame; only within one are questions compared. */
  readonly frames = new Map<string, Entry[]>()
  readonly judged: Judged[] = []
  readonly pending = new Map<string, Pending>()
  hasLabels = false
  entries = 0
  given = 0
  wouldHave = 0
  #threshold: { readonly of: number; readonly value: number | undefined } | undefined

  constructor(settings: SemanticSettings) {
    this.settings = settings
  }

  /** Looked up anew where something was learnt. */
  get threshold(): number | undefined {
    if (this.#threshold?.of !== this.judged.length) {
      this.#threshold = { of: this.judged.length, value: thresholdOf(this.judged, this.settings.errorRate) }
    }
    return this.#threshold.value
  }

  judge(judged: Judged): void {
    if (this.judged.length >= mostJudged) this.judged.splice(0, mostJudged / 10)
    this.judged.push(judged)
    this.#threshold = undefined
  }

  add(frame: string, entry: Entry): void {
    const entries = this.frames.get(frame) ?? []
    this.frames.set(frame, entries)
    entries.push(entry)
    this.entries++
    while (this.entries > this.settings.maxEntries) {
      const [oldest, first] = this.frames.entries().next().value ?? []
      if (oldest === undefined || !first) return
      first.shift()
      this.entries--
      if (first.length === 0) this.frames.delete(oldest)
    }
  }
}

/**
 * Gives kept answers to the same question in other words, as soon as enough pairs of answers were compared to show that
 * no more of them are wrong than its route allows, and as long as that is so. In the manner of vCache
 * (https://arxiv.org/abs/2502.03771): the threshold is learnt from what models answer, and some questions are always
 * asked again to see whether it still holds.
 */
export class SemanticAnswers implements SemanticIndex {
  readonly #parts: SemanticParts
  readonly #routes: ReadonlyMap<string, RouteIndex>

  constructor(parts: SemanticParts) {
    this.#parts = parts
    this.#routes = new Map(Object.entries(parts.routes).map(([name, settings]) => [name, new RouteIndex(settings)]))
  }

  wants(model: string): boolean {
    return this.#routes.has(model)
  }

  async find(asked: CacheAsked, key: string): Promise<string | undefined> {
    const route = this.#routes.get(asked.model)
    const question = route && framed(asked)
    if (!question) return undefined
    const { settings, frames, pending } = route
    // Where that fails, answers are compared from the beginning.
    if (!route.hasLabels) await this.#learnLabels(route).catch(() => {})
    const vector = await this.#vectorOf(settings.model, question.text)
    if (!vector) return undefined
    const nearest = nearestOf(frames.get(question.frame) ?? [], question.text, vector)
    if (pending.size >= mostPending) pending.clear()
    pending.set(key, { question, vector, nearest })
    const { threshold } = route
    if (!nearest || threshold === undefined || nearest.similarity < threshold) return undefined
    route.wouldHave++
    if (settings.mode === 'shadow' || this.#parts.random() < settings.checkShare) return undefined
    route.given++
    pending.delete(key)
    return nearest.entry.key
  }

  kept(asked: CacheAsked, key: string, answer: KeptAnswer): void {
    const route = this.#routes.get(asked.model)
    const waiting = route?.pending.get(key)
    if (!route || !waiting) return
    route.pending.delete(key)
    const { question, vector, nearest } = waiting
    route.add(question.frame, { key, text: question.text, vector, answer })
    if (nearest && nearest.similarity >= leastSimilarity) void this.#compare(route, nearest, answer)
  }

  /** Once for each route, when it is first asked: making vectors of thousands of texts takes a while. */
  async #learnLabels(route: RouteIndex): Promise<void> {
    route.hasLabels = true
    const pairs = (route.settings.labels ?? []).filter(({ a, b }) => sameFacts(a, b))
    for (let at = 0; at < pairs.length; at += labelsAtOnce) {
      const some = pairs.slice(at, at + labelsAtOnce)
      const texts = some.flatMap(({ a, b }) => [a, b])
      const vectors = await this.#parts.embed(route.settings.model, texts, AbortSignal.timeout(60_000))
      for (const [index, { same }] of some.entries()) {
        const [a, b] = [vectors[2 * index], vectors[2 * index + 1]]
        if (a && b) route.judge({ similarity: dot(a, b), same })
      }
    }
  }

  report(): SemanticReport[] {
    return [...this.#routes].map(([route, { settings, judged, entries, threshold, given, wouldHave }]) => {
      const passed = judged.filter(({ similarity }) => threshold !== undefined && similarity >= threshold)
      const wrong = passed.filter(({ same }) => !same).length
      return {
        route,
        mode: settings.mode,
        entries,
        judged: judged.length,
        passed: passed.length,
        wrong,
        errorBound: upperBound(wrong, passed.length),
        threshold: threshold ?? null,
        given,
        wouldHave,
      }
    })
  }

  async #compare(
    route: RouteIndex,
    { entry, similarity }: NonNullable<Pending['nearest']>,
    answer: KeptAnswer,
  ): Promise<void> {
    const [before, now] = [normal(answerText(entry.answer)), normal(answerText(answer))]
    if (before === '' || now === '') return
    route.judge({ similarity, same: before === now || (await this.#alike(route, before, now)) })
  }

  async #alike({ settings }: RouteIndex, a: string, b: string): Promise<boolean> {
    if (!sameFacts(a, b)) return false
    const vectors = await this.#parts
      .embed(settings.model, [a, b], AbortSignal.timeout(30_000))
      .catch((): readonly Float32Array[] => [])
    const [x, y] = vectors
    return x !== undefined && y !== undefined && dot(x, y) >= settings.answersAlike
  }

  async #vectorOf(model: string, text: string): Promise<Float32Array | undefined> {
    const late = new AbortController()
    const cancel = this.#parts.timekeeper.after(longestEmbedMs, () => late.abort(new Error('too late')))
    try {
      const [vector] = await this.#parts.embed(model, [text], late.signal)
      return vector
    } catch {
      // Without a vector it is a request like any other.
      return undefined
    } finally {
      cancel()
    }
  }
}

/** All are looked at: five thousand vectors of 192 numbers take a millisecond. */
function nearestOf(entries: readonly Entry[], text: string, vector: Float32Array): Pending['nearest'] {
  const near = entries
    .map((entry) => ({ entry, similarity: dot(entry.vector, vector) }))
    .filter(({ similarity }) => similarity >= leastSimilarity)
    .sort((a, b) => b.similarity - a.similarity)
  return near.find(({ entry }) => sameFacts(entry.text, text))
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

function normal(text: string): string {
  return text.toLowerCase().replaceAll(/\s+/g, ' ').trim()
}
