import { InferloomError } from '../canonical/errors.ts'
import { megabytes, type Footprint } from './pool-memory.ts'
import type { Resident } from './pool-resident.ts'

// Two models that take turns and do not fit together would be exchanged at every request. So a model whose memory is
// wanted goes on taking requests for a while: those who wait for the other gather meanwhile, and go together.
const windowMs = 2000
const mostTakenMeanwhile = 256
/** A client that just got its answer may be about to ask again. */
const idleMs = 100

/**
 * The models that leave for one that needs so many bytes more: unused ones before busy ones, and the longest unused
 * first. Those chosen before are chosen again, so that their time does not begin anew.
 */
export function chooseVictims(residents: Iterable<Resident>, missingBytes: number): ReadonlySet<Resident> {
  const all = [...residents]
  const leavingAlready = all.filter(({ phase }) => phase === 'unloading').reduce((sum, { bytes }) => sum + bytes, 0)
  const candidates = all
    .filter(({ phase, known }) => phase === 'loaded' && !known.pinned)
    .sort(
      (a, b) =>
        (a.wantedAt ?? Number.MAX_VALUE) - (b.wantedAt ?? Number.MAX_VALUE) ||
        Number(a.running > 0) - Number(b.running > 0) ||
        a.usedAt - b.usedAt,
    )
  const victims = new Set<Resident>()
  let missing = missingBytes - leavingAlready
  for (const candidate of candidates) {
    if (missing <= 0) break
    victims.add(candidate)
    missing -= candidate.bytes
  }
  return victims
}

/** Whether a model whose memory is wanted can go now; from some time on it takes no more requests. */
export function mayLeave(resident: Resident, now: number): boolean {
  resident.wantedAt ??= now
  if (now >= windowEnd(resident) || resident.takenSinceWanted >= mostTakenMeanwhile) resident.draining = true
  return resident.running === 0 && (resident.draining || now - resident.usedAt >= idleMs)
}

/** When to look again; a running request that ends is noticed anyway. */
export function dueAt(resident: Resident): number {
  if (resident.draining) return Infinity
  return resident.running > 0 ? windowEnd(resident) : Math.min(windowEnd(resident), resident.usedAt + idleMs)
}

function windowEnd({ wantedAt = 0, readyAt }: Resident): number {
  return Math.max(wantedAt, readyAt) + windowMs
}

/** Throws `model_too_big` where even everyone who may leave would not make room enough. */
export function refuseBehindPinned(
  { name }: Resident,
  { bytes }: Footprint,
  residents: Iterable<Resident>,
  budgetBytes: number,
): void {
  const pinned = [...residents].filter(({ known, phase }) => known.pinned && phase !== 'unloaded')
  const held = pinned.reduce((sum, each) => sum + each.bytes, 0)
  if (held + bytes <= budgetBytes) return
  throw new InferloomError(
    'model_too_big',
    `Model ${name} needs ${megabytes(bytes)} of memory, and ${pinned.map((each) => each.name).join(', ')} ` +
      `(pinned) hold ${megabytes(held)} of the ${megabytes(budgetBytes)} for models. ` +
      'Remedy: raise engine.memoryGB, or pin less.',
    { param: 'model' },
  )
}
