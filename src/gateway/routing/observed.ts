import type { AttemptOutcome, PlannedFor } from './plan.ts'
import { Drift } from './drift.ts'
import { DecayingQuantiles, type Quantiles } from './quantiles.ts'
import { WholeTimes } from './whole-times.ts'

/** Tokens up to which prompts are counted together: what a first token takes depends on them. */
const promptBounds = [256, 1024, 4096, 16_384, 65_536, Infinity]
const halfLifeMs = 120_000
/** Of shorter answers, what a token takes is mostly chance. */
const tellingTokens = 8
/** Of its whole time, what an answer takes after its first token where it came in one piece. */
const pieceShare = 0.02
/** How far nine of ten are expected from the median where one answer was seen; less with the root of their number. */
const littleKnown = 0.6

/** What is expected of the time of an answer, in milliseconds. */
export interface ExpectedTimes {
  readonly ttft: Quantiles
  /** Undefined where nothing is known of what comes after the first token. */
  readonly latency: Pick<Quantiles, 'p50' | 'p90'> | undefined
  /** When the latest answer was seen that this is known from. */
  readonly seenAt: number
}

interface Asked {
  readonly promptTokens: number
  readonly stream: boolean
}

/** What the latest answers of one candidate took. */
export class Observed {
  readonly #ttft: (DecayingQuantiles | undefined)[] = []
  readonly #tpot = new DecayingQuantiles(halfLifeMs)
  readonly #whole = new WholeTimes()
  readonly #drift = new Drift()

  /** `asked` is known where a route planned it. */
  add(outcome: AttemptOutcome, asked: PlannedFor | undefined, now: number): void {
    const { outputTokens = 0, ttftMs, totalMs, ended } = outcome
    // By the estimate that it was planned by, or what is learnt of a prompt would be looked for where it is not.
    const promptTokens = asked?.promptTokens ?? outcome.promptTokens ?? 0
    if (ttftMs === undefined && ended !== 'ok') {
      if ((ended === 'failed' || ended === 'cancelled') && asked) this.#addWaited(totalMs, asked, now)
      return
    }
    const first = ttftMs ?? totalMs
    const rest = totalMs - first
    if (outputTokens >= tellingTokens && rest <= pieceShare * totalMs) {
      if (ended === 'ok') this.#whole.add(outputTokens, totalMs, now)
      return
    }
    this.#addFirst(promptTokens, first, now)
    if (outputTokens >= tellingTokens || (outputTokens > 1 && this.#tpot.count < 1)) {
      this.#tpot.add(rest / (outputTokens - 1), now)
    }
  }

  /** The first token of a stream is there: the rest may take minutes, and whoever became slow is to be known by then. */
  began(ttftMs: number, { promptTokens }: PlannedFor): void {
    const usual = this.#ttft[bucketOf(promptTokens)]?.get()
    if (usual) this.#drift.add(ttftMs, usual.p50)
  }

  /** Undefined where nothing was seen. */
  expected({ promptTokens, stream }: Asked, output: Pick<Quantiles, 'p50' | 'p90'>): ExpectedTimes | undefined {
    return stream
      ? (this.#streamed(promptTokens, output) ?? this.#inOnePiece(output))
      : (this.#inOnePiece(output) ?? this.#streamed(promptTokens, output))
  }

  /**
   * Nobody knows how long it would have taken, but that it was longer than this. Where that is already more than is
   * usual, it is learnt, or one that became slow would be believed to be as quick as it was.
   */
  #addWaited(totalMs: number, { promptTokens, stream, longTokens }: PlannedFor, now: number): void {
    if (!stream) {
      if (longTokens !== undefined) this.#whole.addWaited(longTokens, totalMs, now)
      return
    }
    const usual = this.#nearest(bucketOf(promptTokens))?.get()
    if (usual === undefined || totalMs <= usual.p50) return
    this.#drift.add(totalMs, usual.p50)
    this.#addFirst(promptTokens, totalMs, now)
  }

  #addFirst(promptTokens: number, ttftMs: number, now: number): void {
    const seen = (this.#ttft[bucketOf(promptTokens)] ??= new DecayingQuantiles(halfLifeMs))
    seen.add(ttftMs, now)
  }

  #streamed(promptTokens: number, output: Pick<Quantiles, 'p50' | 'p90'>): ExpectedTimes | undefined {
    const seen = this.#nearest(bucketOf(promptTokens))
    const found = seen?.get()
    if (!seen || !found) return undefined
    const drift = this.#drift.factor(found)
    const ttft = widened(times(found, drift), seen.count)
    const remembered = this.#tpot.get()
    const tpot = remembered && times(remembered, drift)
    const more = Math.max(0, output.p50 - 1)
    if (!tpot) return { ttft, latency: more < tellingTokens ? ttft : undefined, seenAt: seen.seenAt }
    const tokens = widened(tpot, this.#tpot.count)
    // What they are off by is independent: the chance that all are late at once is small.
    const share = Math.hypot(tokens.p90 / tokens.p50 - 1, output.p90 / Math.max(1, output.p50) - 1)
    const writing = tokens.p50 * more
    const p50 = ttft.p50 + writing
    return {
      ttft,
      latency: { p50, p90: p50 + Math.hypot(ttft.p90 - ttft.p50, writing * share) },
      seenAt: seen.seenAt,
    }
  }

  /** The first token is there with the last. */
  #inOnePiece(output: Pick<Quantiles, 'p50' | 'p90'>): ExpectedTimes | undefined {
    const seen = this.#whole.expected(output.p50)
    if (!seen) return undefined
    const usual = widened(seen, this.#whole.count)
    const long = this.#whole.expected(output.p90)?.p50 ?? usual.p50
    const off = (value: number) => usual.p50 + Math.hypot(value - usual.p50, long - usual.p50)
    const latency = { p50: usual.p50, p90: off(usual.p90), p95: off(usual.p95) }
    return { ttft: latency, latency, seenAt: this.#whole.seenAt }
  }

  /** Of prompts about as long; longer ones first, which promise nothing too early. */
  #nearest(bucket: number): DecayingQuantiles | undefined {
    for (let distance = 0; distance < promptBounds.length; distance++) {
      const seen = this.#ttft[bucket + distance] ?? this.#ttft[bucket - distance]
      if (seen) return seen
    }
    return undefined
  }
}

function bucketOf(promptTokens: number): number {
  return promptBounds.findIndex((bound) => promptTokens <= bound)
}

function times({ p50, p90, p95 }: Quantiles, factor: number): Quantiles {
  return factor === 1 ? { p50, p90, p95 } : { p50: p50 * factor, p90: p90 * factor, p95: p95 * factor }
}

/** A few answers that were alike do not promise that all are. */
function widened({ p50, p90, p95 }: Quantiles, count: number): Quantiles {
  const least = p50 * (1 + littleKnown / Math.sqrt(Math.max(1, count)))
  return { p50, p90: Math.max(p90, least), p95: Math.max(p95, least) }
}
