import type { Timekeeper } from '../timekeeper.ts'
import type { Health, Watch } from './health.ts'
import type { AttemptOutcome, Candidate } from './plan.ts'

export interface BreakerSettings {
  /** The share of failed or slow tries at which a candidate is left alone, and of how many tries at least. */
  readonly failureShare: number
  readonly slowShare: number
  readonly minimumTries: number
  /** So many failures one after the other are enough. */
  readonly consecutiveFailures: number
  /** Seconds that are looked back. */
  readonly windowSeconds: number
  /** Seconds to the first content after which a try is slow; absent: none is. */
  readonly slowSeconds?: number | undefined
  /** Seconds that it is left alone: the first time, and at most, as it doubles. */
  readonly openSeconds: number
  readonly mostOpenSeconds: number
  /** Successes of probes, one at a time, after which it is asked as before. */
  readonly probes: number
}

export interface DeploymentHealthParts {
  readonly settings: BreakerSettings
  readonly timekeeper: Timekeeper
  readonly random: () => number
}

type BreakerState = 'closed' | 'open' | 'half-open'

/** For whoever looks on. */
export interface HealthReport {
  readonly id: string
  readonly state: BreakerState
  readonly inFlight: number
  readonly tries: number
  readonly failed: number
  /** Times it was left alone since the start. */
  readonly opened: number
}

const buckets = 10
/** Candidates that are kept apart; of more, those that were asked longest ago are forgotten. */
const mostCandidates = 2000

/** What the latest tries of one candidate came to, in so many slices of the window. */
class Window {
  readonly #sliceMs: number
  readonly #tries = new Uint32Array(buckets)
  readonly #failed = new Uint32Array(buckets)
  readonly #slow = new Uint32Array(buckets)
  #slice = 0

  constructor(windowSeconds: number) {
    this.#sliceMs = (windowSeconds * 1000) / buckets
  }

  add(now: number, failed: boolean, slow: boolean): void {
    this.#moveTo(now)
    const at = this.#slice % buckets
    this.#tries[at]! += 1
    if (failed) this.#failed[at]! += 1
    if (slow) this.#slow[at]! += 1
  }

  sums(now: number): { readonly tries: number; readonly failed: number; readonly slow: number } {
    this.#moveTo(now)
    const sum = (counts: Uint32Array) => counts.reduce((total, each) => total + each, 0)
    return { tries: sum(this.#tries), failed: sum(this.#failed), slow: sum(this.#slow) }
  }

  clear(): void {
    for (const each of [this.#tries, this.#failed, this.#slow]) each.fill(0)
  }

  #moveTo(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice - this.#slice >= buckets) this.clear()
    else {
      for (let each = this.#slice + 1; each <= slice; each++) {
        for (const counts of [this.#tries, this.#failed, this.#slow]) counts[each % buckets] = 0
      }
    }
    this.#slice = Math.max(this.#slice, slice)
  }
}

interface Deployment {
  readonly id: string
  readonly window: Window
  state: BreakerState
  inFlight: number
  consecutive: number
  opened: number
  /** Times it was left alone without having recovered in between: each doubles the time. */
  inARow: number
  openUntil: number
  probing: number
  recovered: number
  /** What came of a probe that said it answers again: it is asked early, or that was wrong the last time. */
  word: 'none' | 'believed' | 'wrong'
}

/**
 * A circuit breaker for each candidate: one that fails often is left alone for a while, is then asked one request at a
 * time, and is asked as before when those were answered. Only what is its own fault counts.
 */
export class DeploymentHealth implements Health {
  #parts: DeploymentHealthParts
  readonly #deployments = new Map<string, Deployment>()

  constructor(parts: DeploymentHealthParts) {
    this.#parts = parts
  }

  configure(settings: BreakerSettings): void {
    this.#parts = { ...this.#parts, settings }
  }

  allows({ id }: Candidate): boolean {
    const deployment = this.#deployments.get(id)
    if (!deployment || deployment.state === 'closed') return true
    if (deployment.state === 'open') return this.#parts.timekeeper.now() >= deployment.openUntil
    return deployment.probing === 0
  }

  begin(candidate: Candidate, isForced = false): Watch | undefined {
    if (!isForced && !this.allows(candidate)) return undefined
    const deployment = this.#of(candidate.id)
    if (deployment.state === 'open' && this.#parts.timekeeper.now() >= deployment.openUntil) {
      deployment.state = 'half-open'
      deployment.recovered = 0
    }
    deployment.inFlight++
    const isProbe = deployment.state === 'half-open'
    if (isProbe) deployment.probing++
    const { opened } = deployment
    return {
      ended: (outcome) => {
        deployment.inFlight--
        if (isProbe) deployment.probing--
        if (opened === deployment.opened) this.#ended(deployment, outcome)
      },
    }
  }

  /**
   * What a probe said, which is no request of anybody. One that answers again is asked early, unless that was wrong
   * before; one that does not is left alone once it failed as often as requests have to, and changes nothing after.
   */
  probed(id: string, answers: boolean): void {
    const now = this.#parts.timekeeper.now()
    const deployment = answers ? this.#deployments.get(id) : this.#of(id)
    if (!deployment) return
    if (deployment.state === 'closed') {
      deployment.consecutive = answers ? 0 : deployment.consecutive + 1
      if (deployment.consecutive >= this.#parts.settings.consecutiveFailures) this.#open(deployment, now)
    } else if (answers && deployment.state === 'open' && deployment.word !== 'wrong') {
      deployment.state = 'half-open'
      deployment.recovered = 0
      deployment.word = 'believed'
    }
  }

  inFlight({ id }: Candidate): number {
    return this.#deployments.get(id)?.inFlight ?? 0
  }

  failureShare({ id }: Candidate): number {
    const deployment = this.#deployments.get(id)
    if (!deployment) return 0
    const { tries, failed } = deployment.window.sums(this.#parts.timekeeper.now())
    return tries === 0 ? 0 : failed / tries
  }

  report(): HealthReport[] {
    const now = this.#parts.timekeeper.now()
    return [...this.#deployments.values()].map(({ id, state, inFlight, opened, window }) => {
      const { tries, failed } = window.sums(now)
      return { id, state, inFlight, tries, failed, opened }
    })
  }

  #of(id: string): Deployment {
    const known = this.#deployments.get(id)
    if (known) return known
    if (this.#deployments.size >= mostCandidates) this.#forgetOne()
    const window = new Window(this.#parts.settings.windowSeconds)
    const counts = { inFlight: 0, consecutive: 0, opened: 0, inARow: 0, openUntil: 0, probing: 0, recovered: 0 }
    const made: Deployment = { id, window, state: 'closed', word: 'none', ...counts }
    this.#deployments.set(id, made)
    return made
  }

  /** The one that came first and is not being asked. */
  #forgetOne(): void {
    for (const { id, inFlight } of this.#deployments.values()) {
      if (inFlight > 0) continue
      this.#deployments.delete(id)
      return
    }
  }

  /** Of a try that was sent since it was last left alone: what was sent before is not news. */
  #ended(deployment: Deployment, { ended, ttftMs, totalMs }: AttemptOutcome): void {
    const { settings, timekeeper } = this.#parts
    // Neither what we ended ourselves nor a limit says how it is.
    if (ended === 'cancelled' || ended === 'limited') return
    const now = timekeeper.now()
    const failed = ended === 'failed'
    const slow = settings.slowSeconds !== undefined && (ttftMs ?? totalMs) > settings.slowSeconds * 1000
    deployment.window.add(now, failed, slow)
    deployment.consecutive = failed ? deployment.consecutive + 1 : 0
    if (deployment.state === 'half-open') {
      if (failed) this.#open(deployment, now)
      else if (++deployment.recovered >= settings.probes) this.#close(deployment)
      return
    }
    // One that went well makes nothing worse.
    if (!failed && !slow) return
    if (deployment.state === 'closed' && this.#isTooMuch(deployment, now)) this.#open(deployment, now)
  }

  #isTooMuch({ window, consecutive }: Deployment, now: number): boolean {
    const { failureShare, slowShare, minimumTries, consecutiveFailures } = this.#parts.settings
    if (consecutive >= consecutiveFailures) return true
    const { tries, failed, slow } = window.sums(now)
    return tries >= minimumTries && (failed >= failureShare * tries || slow >= slowShare * tries)
  }

  /** Several that were left alone at one moment do not come back at one moment. */
  #open(deployment: Deployment, now: number): void {
    const { settings, random } = this.#parts
    const seconds = Math.min(settings.openSeconds * 2 ** deployment.inARow, settings.mostOpenSeconds)
    if (deployment.word === 'believed') deployment.word = 'wrong'
    deployment.state = 'open'
    deployment.openUntil = now + seconds * 1000 * (1 + 0.2 * random())
    deployment.opened++
    deployment.inARow++
  }

  #close(deployment: Deployment): void {
    deployment.state = 'closed'
    deployment.word = 'none'
    deployment.inARow = 0
    deployment.consecutive = 0
    deployment.window.clear()
  }
}
