import { DecayingQuantiles, type Quantiles } from './quantiles.ts'

/** What clients allow of output tokens, in classes: those who allow few get few, and all of them. */
const bounds = [32, 128, 512, 2048, 8192, Infinity]
const halfLifeMs = 600_000
/** So many answers say more of a class than all answers together. */
const enough = 3

/** How long answers are, by how long they may be. */
export class AnswerLengths {
  readonly #byClass: (DecayingQuantiles | undefined)[] = []
  readonly #all = new DecayingQuantiles(halfLifeMs)

  /** `most` is what the client allowed, where that is known. */
  add(tokens: number, most: number | 'open' | undefined, now: number): void {
    this.#all.add(tokens, now)
    if (most !== undefined) (this.#byClass[classOf(most)] ??= new DecayingQuantiles(halfLifeMs)).add(tokens, now)
  }

  /** Tokens, never more than are allowed; undefined where nothing was seen. */
  expected(most: number | undefined): Pick<Quantiles, 'p50' | 'p90'> | undefined {
    const own = this.#byClass[classOf(most ?? 'open')]
    const known = own && own.count >= enough ? own.get() : (this.#all.get() ?? own?.get())
    if (!known || most === undefined) return known
    return { p50: Math.min(known.p50, most), p90: Math.min(known.p90, most) }
  }
}

function classOf(most: number | 'open'): number {
  return most === 'open' ? bounds.length : bounds.findIndex((bound) => most <= bound)
}
