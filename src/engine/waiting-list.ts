import type { Job } from './protocol.ts'

/** A waiting request rises by one priority in this time, so that none waits for ever. */
export const ageingMs = 10_000
const defaultPriority = 1

export interface Waiting {
  readonly job: Job
  /** `performance.now()` */
  readonly arrivedAt: number
}

/** The priority that a request has by now. */
export function agedPriority({ job, arrivedAt }: Waiting, now: number): number {
  return Math.max(0, (job.priority ?? defaultPriority) - Math.floor((now - arrivedAt) / ageingMs))
}

function deadlineOf({ job, arrivedAt }: Waiting): number {
  return job.deadlineMs === undefined ? Infinity : arrivedAt + job.deadlineMs
}

/** Who goes first: by priority, then the owner who has had least, then the nearest deadline, then arrival. */
export function inOrder<T extends Waiting>(waiting: Iterable<T>, now: number, served: ServedTokens): T[] {
  const keyed = [...waiting].map((each) => ({
    each,
    priority: agedPriority(each, now),
    served: served.of(each.job.owner),
    deadline: deadlineOf(each),
  }))
  keyed.sort(
    (a, b) =>
      a.priority - b.priority ||
      a.served - b.served ||
      (a.deadline === b.deadline ? 0 : a.deadline - b.deadline) ||
      a.each.arrivedAt - b.each.arrivedAt ||
      a.each.job.id - b.each.job.id,
  )
  return keyed.map(({ each }) => each)
}

/**
 * Tokens that each owner's requests were given, for as long as they have any here. One who comes anew starts level with
 * the least served, not with a credit for the time of absence (virtual token counters, arXiv 2401.00588).
 */
export class ServedTokens {
  readonly #owners = new Map<string, { tokens: number; requests: number }>()

  of(owner: string | undefined): number {
    return owner === undefined ? 0 : (this.#owners.get(owner)?.tokens ?? 0)
  }

  join(owner: string | undefined): void {
    if (owner === undefined) return
    const known = this.#owners.get(owner)
    if (known) return void known.requests++
    const least = Math.min(...[...this.#owners.values()].map(({ tokens }) => tokens))
    this.#owners.set(owner, { tokens: Number.isFinite(least) ? least : 0, requests: 1 })
  }

  add(owner: string | undefined, tokens: number): void {
    const known = owner === undefined ? undefined : this.#owners.get(owner)
    if (known) known.tokens += tokens
  }

  leave(owner: string | undefined): void {
    if (owner === undefined) return
    const known = this.#owners.get(owner)
    if (known && --known.requests <= 0) this.#owners.delete(owner)
  }
}
