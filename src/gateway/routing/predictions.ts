import { guessedQuality, measuredQuality } from '../../catalog/model-facts.ts'
import type { Prices } from '../../catalog/price.ts'
import type { ModelLoad } from '../../providers/provider.ts'
import type { Served } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { AnswerLengths, kindOfLength, type Lengths } from './answer-lengths.ts'
import { ExpectedCosts } from './expected-cost.ts'
import { Observed } from './observed.ts'
import type { AttemptOutcome, Planned, Prediction } from './plan.ts'

/** How well models do what they are asked, where somebody measured it. */
export interface QualitySource {
  /** From 0 to 1, at what a route is for; undefined where it is not known. */
  qualityOf(served: Served, route: string): number | undefined
}

export interface PredictionParts {
  readonly prices: Prices | undefined
  readonly timekeeper: Timekeeper
  /** Goes before what the catalog knows. */
  readonly quality?: QualitySource
}

/** What is known of a request before anybody is chosen for it. */
export interface Foreseen {
  readonly route: string
  readonly promptTokens: number
  readonly maxOutputTokens: number | undefined
  readonly stream: boolean
  /** How long answers to such requests are. */
  readonly lengths: Lengths
}

interface PredictionAsked {
  readonly id: string
  readonly served: Served
  readonly quality: number | undefined
  /** How large it is. */
  readonly parameters: number | undefined
  /** The same for all candidates of a request. */
  readonly question: Foreseen
  /** Of the prompt, what it may have in its cache, from 0 to 1. */
  readonly warmShare: number
  /** Requests of ours that it is answering. */
  readonly inFlight: number
}

export interface Predicted {
  readonly prediction: Prediction
  /** Tokens that nine of ten answers stay below, where such answers were seen, or else most that are allowed. */
  readonly longTokens: number | undefined
  readonly load: ModelLoad | undefined
  /** When the latest answer came that its times are known from; -Infinity where none did. */
  readonly seenAt: number
  /** A guess where nobody measured it. */
  readonly quality: number
  /** Of prompt and answer together, as the catalog has it: it may be out of date. */
  readonly contextTokens: number | undefined
}

/** What is known of one candidate's times, for whoever looks on: of a prompt of 500 tokens and an answer of 200. */
export interface TimesReport {
  readonly id: string
  readonly ttftMs: number
  readonly ttftP90Ms: number
  readonly latencyMs: number | undefined
  readonly latencyP90Ms: number | undefined
  /** In times what others write. */
  readonly wordiness: number
  readonly seenSecondsAgo: number
}

/** Candidates of a report: those that answered last. */
const mostReported = 200
/** Candidates of which something is remembered; of more, those that answered longest ago are forgotten. */
const mostObserved = 1000
/** Expected of an answer whose length nobody knows. */
const unknownLength: Lengths = { p50: 256, p90: 1024, isOfKind: false }
/** Of memory for what was read: with more in use, whoever comes has to wait for some of it. */
const fullCache = 0.97

/** How much of a difference from what others write is believed of each answer, and how much in all (as a logarithm). */
const believed = 0.03
const mostWordy = 3

interface Known {
  readonly times: Observed
  /** By how much its answers are longer than others', as a logarithm. */
  wordiness: number
}

/** What is expected of candidates, from what they did lately. */
export class Predictions {
  readonly #parts: PredictionParts
  readonly #costs: ExpectedCosts
  readonly #known = new Map<string, Known>()
  readonly #lengths = new AnswerLengths()

  constructor(parts: PredictionParts) {
    this.#parts = parts
    this.#costs = new ExpectedCosts(parts.prices, parts.timekeeper)
  }

  learn({ id, asked }: Planned, outcome: AttemptOutcome): void {
    const now = this.#parts.timekeeper.now()
    const { ended, outputTokens } = outcome
    let known = this.#known.get(id)
    if (!known) {
      // Names are what clients say: one that never answered is none to be remembered.
      if (ended !== 'ok') return
      known = { times: new Observed(), wordiness: 0 }
    }
    this.#remember(id, known)
    known.times.add(outcome, asked, now)
    if (ended !== 'ok' || outputTokens === undefined) return
    const kind = asked && kindOfLength(asked.route, asked.maxOutputTokens)
    const usual = kind === undefined ? undefined : this.#lengths.expected(kind)
    this.#lengths.add(outputTokens, kind, now)
    if (!usual?.isOfKind || outputTokens < 1) return
    const wordiness = known.wordiness + believed * (Math.log(outputTokens / usual.p50) - known.wordiness)
    known.wordiness = Math.min(mostWordy, Math.max(-mostWordy, wordiness))
  }

  began({ id, asked }: Planned, ttftMs: number): void {
    if (asked?.stream) this.#known.get(id)?.times.began(ttftMs, asked)
  }

  foresee(asked: Omit<Foreseen, 'lengths'>): Foreseen {
    const { route, maxOutputTokens, promptTokens, stream } = asked
    const lengths = this.#lengths.expected(kindOfLength(route, maxOutputTokens)) ?? unknownLength
    return { route, maxOutputTokens, promptTokens, stream, lengths }
  }

  of({ id, served, quality, parameters, question, warmShare, inFlight }: PredictionAsked): Predicted {
    const { promptTokens, maxOutputTokens, lengths } = question
    const known = this.#known.get(id)
    const output = scaled(lengths, known ? Math.exp(known.wordiness) : 1, maxOutputTokens)
    const times = known?.times.expected(question, output)
    const load = served.provider.load?.(served.model)
    const queueMs = load && times?.latency ? queued(load, inFlight, times.latency.p50) : 0
    const line = this.#costs.line(id, served)
    const cached = promptTokens * warmShare
    const cost =
      line &&
      line.perRequest +
        line.perInput * (promptTokens - cached) +
        line.perCachedInput * cached +
        line.perOutput * output.p50
    const later = (milliseconds: number | undefined) => milliseconds && milliseconds + queueMs
    const measured = quality ?? this.#parts.quality?.qualityOf(served, question.route) ?? measuredQuality(served.model)
    return {
      prediction: {
        ttftMs: later(times?.ttft.p50),
        ttftP90Ms: later(times?.ttft.p90),
        ttftP95Ms: later(times?.ttft.p95),
        latencyMs: later(times?.latency?.p50),
        latencyP90Ms: later(times?.latency?.p90),
        cost,
        outputTokens: Math.round(output.p50),
        quality: measured,
      },
      longTokens: output.isOfKind ? output.p90 : maxOutputTokens,
      contextTokens: line?.contextTokens,
      load,
      seenAt: times?.seenAt ?? -Infinity,
      quality: measured ?? guessedQuality(line && line.perOutput * 1e6, parameters),
    }
  }

  report(): TimesReport[] {
    const now = this.#parts.timekeeper.now()
    const latest = [...this.#known].slice(-mostReported).toReversed()
    return latest.flatMap(([id, { times, wordiness }]) => {
      const expected = times.expected({ promptTokens: 500, stream: true }, { p50: 200, p90: 200 })
      if (!expected) return []
      const { ttft, latency, seenAt } = expected
      return {
        id,
        ttftMs: ttft.p50,
        ttftP90Ms: ttft.p90,
        latencyMs: latency?.p50,
        latencyP90Ms: latency?.p90,
        wordiness: Math.exp(wordiness),
        seenSecondsAgo: (now - seenAt) / 1000,
      }
    })
  }

  /** Answers of all come here: those that answered last are at the end. */
  #remember(id: string, known: Known): void {
    // One that is alone is last already.
    if (this.#known.size !== 1) this.#known.delete(id)
    this.#known.set(id, known)
    if (this.#known.size <= mostObserved) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      return
    }
  }
}

function scaled({ p50, p90, isOfKind }: Lengths, by: number, most = Infinity): Lengths {
  return { p50: Math.min(p50 * by, most), p90: Math.min(p90 * by, most), isOfKind }
}

/** Milliseconds until it is one's turn: whoever is being answered makes room, one after the other. */
function queued({ running, waiting, cacheUse = 0 }: ModelLoad, inFlight: number, latencyMs: number): number {
  if (waiting === 0 && cacheUse < fullCache) return 0
  // What was sent after it was looked at waits, too.
  const before = Math.max(1, waiting, inFlight - running)
  return (before * latencyMs) / Math.max(1, running)
}
