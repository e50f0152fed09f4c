import { DecayingQuantiles, type Quantiles } from './quantiles.ts'

/** Kinds of requests that are told apart; of more, those that were answered longest ago are forgotten. */
const mostKinds = 500
/** What clients allow of output tokens is told apart by quarters of a power of two. */
const perDoubling = 4
const halfLifeMs = 600_000
/** So many answers say more of a kind than all answers together. */
const enough = 3

export interface Lengths extends Pick<Quantiles, 'p50' | 'p90'> {
  /** Whether it is known of this kind, and not only of all together. */
  readonly isOfKind: boolean
}

/**
 * How long answers are, whoever gives them: those to one route whose clients allow as much are of a kind, since one
 * program mostly asks for one thing.
 */
export class AnswerLengths {
  readonly #byKind = new Map<string, DecayingQuantiles>()
  readonly #all = new DecayingQuantiles(halfLifeMs)

  /** `kind` is known where a route planned it. Vectors have no tokens, which says nothing of other requests. */
  add(tokens: number, kind: string | undefined, now: number): void {
    if (tokens > 0) this.#all.add(tokens, now)
    if (kind === undefined) return
    const seen = this.#byKind.get(kind) ?? new DecayingQuantiles(halfLifeMs)
    seen.add(Math.max(1, tokens), now)
    this.#byKind.delete(kind)
    this.#byKind.set(kind, seen)
    if (this.#byKind.size <= mostKinds) return
    for (const oldest of this.#byKind.keys()) {
      this.#byKind.delete(oldest)
      return
    }
  }

  /** Tokens; undefined where nothing was seen. */
  expected(kind: string): Lengths | undefined {
    const own = this.#byKind.get(kind)
    const isOfKind = own !== undefined && own.count >= enough
    const known = (isOfKind ? own : this.#all).get()
    return known && { p50: known.p50, p90: known.p90, isOfKind }
  }
}

/** Of requests to a route, by how many tokens of output they allow. */
export function kindOfLength(route: string, most: number | undefined): string {
  return most === undefined ? route : `${route} ${Math.round(perDoubling * Math.log2(Math.max(1, most)))}`
}
