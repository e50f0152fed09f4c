import { setTimeout as delay } from 'node:timers/promises'
import { arrivalTimes } from './arrivals.ts'
import { GapSample } from './gap-sample.ts'
import { noAnswer, type Outcome } from './outcome.ts'
import type { Drive, EndReason, StageProgress, StageRun, StageSpec } from './stage.ts'
import type { Prepared, Target } from './target.ts'

/** So many in a row that no server answers end a stage. */
const mostUnanswered = 50
/** After one that no server answered, before the next. */
const pauseMs = 100
/** Sent in one turn of the event loop, so that answers are read in between. */
const sentPerTurn = 32
/** Timers come up to a millisecond late or so; the rest of the wait is spent looking at the clock. */
const timerSlackMs = 1.1
/** After which it is seen that the run was stopped. */
const longestNap = 100
/** Outcomes are kept until they are summed up; so many take about 400 MB. */
export const mostRequests = 2_000_000

export interface RunOptions {
  readonly random: () => number
  readonly signal: AbortSignal
  readonly onProgress: (progress: StageProgress) => void
}

/** Holds one load for its time, lets answers end, and gives back all that was seen. */
export async function runStage(target: Target, spec: StageSpec, options: RunOptions): Promise<StageRun> {
  const { signal, onProgress, random } = options
  const state = new StageState(target, spec, random)
  const onAbort = () => state.end('interrupted')
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const ticker = setInterval(() => onProgress(state.progress()), 100)
  try {
    await (spec.drive.kind === 'closed'
      ? closedLoop(state, spec.drive.concurrency)
      : openLoop(state, timesOf(spec, random)))
    const sendingEndedAt = state.sendingEndedAt()
    const drainUntil = performance.now() + spec.drainMs
    // Asked again instead of being told: what is under way may also be given up from outside.
    while (target.inFlight > 0 && state.ended !== 'interrupted' && performance.now() < drainUntil) await delay(5)
    const undrained = target.inFlight
    target.stopAll('unfinished')
    return { ...state.seen(), sendingEndedAt, endedAt: performance.now(), undrained }
  } finally {
    clearInterval(ticker)
    signal.removeEventListener('abort', onAbort)
    onProgress(state.progress())
  }
}

function timesOf({ drive }: { drive: Drive }, random: () => number): Iterator<number> {
  if (drive.kind === 'open') return arrivalTimes(drive.arrivals, random)
  return (drive.kind === 'replay' ? drive.times : [])[Symbol.iterator]()
}

/** What has happened so far. */
class StageState {
  readonly spec: StageSpec
  readonly target: Target
  readonly beganAt = performance.now()
  readonly outcomes: Outcome[] = []
  sent = 0
  unsent = 0
  heldBack = 0
  ended: EndReason = 'done'
  /** No more are sent. */
  isOver = false
  #lastSentAt = performance.now()
  #mostInFlight = 0
  #unanswered = 0
  readonly #gaps: GapSample
  readonly #onGap: (milliseconds: number) => void
  readonly #ending = Promise.withResolvers<void>()

  constructor(target: Target, spec: StageSpec, random: () => number) {
    this.target = target
    this.spec = spec
    this.#gaps = new GapSample(random)
    const warmAt = this.beganAt + spec.warmupMs
    this.#onGap = (milliseconds) => {
      if (performance.now() >= warmAt) this.#gaps.add(milliseconds)
    }
  }

  /** Resolves when no more may be sent. */
  get over(): Promise<void> {
    return this.#ending.promise
  }

  /** When no more were sent: the last of a count, or when the time was over. */
  sendingEndedAt(): number {
    const { requests, durationMs } = this.spec
    const now = performance.now()
    return this.sent >= requests ? this.#lastSentAt : Math.min(now, this.beganAt + durationMs)
  }

  get mayGoOn(): boolean {
    const { requests, durationMs } = this.spec
    return !this.isOver && this.sent < requests && performance.now() - this.beganAt < durationMs
  }

  end(reason: EndReason): void {
    if (this.isOver) return
    this.ended = reason
    this.isOver = true
    this.#ending.resolve()
  }

  prepare(): Prepared {
    return this.target.prepare(this.spec.workload.next())
  }

  send(prepared: Prepared, dueAt: number | undefined, onDone: (outcome: Outcome) => void): void {
    this.sent++
    const finish = (outcome: Outcome) => {
      this.outcomes.push(outcome)
      this.#unanswered = outcome.error !== undefined && noAnswer.has(outcome.error) ? this.#unanswered + 1 : 0
      if (this.#unanswered >= mostUnanswered) this.end('no answers')
      onDone(outcome)
    }
    this.target.send(prepared, finish, { ...(dueAt !== undefined && { dueAt }), onGap: this.#onGap })
    this.#lastSentAt = performance.now()
    if (this.target.inFlight > this.#mostInFlight) this.#mostInFlight = this.target.inFlight
  }

  progress(): StageProgress {
    const elapsedMs = performance.now() - this.beganAt
    const { durationMs, requests } = this.spec
    const share = Math.min(1, Math.max(elapsedMs / durationMs, this.outcomes.length / requests))
    return { elapsedMs, share, sent: this.sent, inFlight: this.target.inFlight, outcomes: this.outcomes }
  }

  seen(): Omit<StageRun, 'sendingEndedAt' | 'endedAt' | 'undrained'> {
    const { outcomes, beganAt, unsent, heldBack, ended } = this
    return { outcomes, beganAt, unsent, heldBack, ended, gaps: this.#gaps, mostInFlight: this.#mostInFlight }
  }
}

/** Resolves when no more are to be sent; answers may still come. */
async function closedLoop(state: StageState, concurrency: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, state.spec.durationMs)
  const step = () => {
    if (!state.mayGoOn) return resolve()
    state.send(state.prepare(), undefined, ({ error }) => {
      if (error !== undefined && noAnswer.has(error)) setTimeout(step, pauseMs)
      // Not at once: undici takes a connection for busy until its answer's last callback has returned.
      else setImmediate(step)
    })
  }
  for (let index = 0; index < concurrency; index++) step()
  await Promise.race([state.over, promise])
  clearTimeout(timer)
}

/** By callbacks: while the clock is looked at, promises would be garbage by the megabyte. */
function openLoop(state: StageState, times: Iterator<number>): Promise<void> {
  const { beganAt, spec, target } = state
  const endAt = beganAt + spec.durationMs
  let prepared = state.prepare()
  let due = dueAfter(times.next(), beganAt, endAt)
  let isHeld = false
  const mayGoOn = () => due !== undefined && !state.isOver && state.sent < spec.requests && performance.now() < endAt
  const sendDue = () => {
    const now = performance.now()
    for (let turn = 0; turn < sentPerTurn && due !== undefined && due <= now && state.sent < spec.requests; turn++) {
      if (target.inFlight >= spec.mostInFlight) {
        if (!isHeld) state.heldBack++
        isHeld = true
        return
      }
      isHeld = false
      state.send(prepared, due, () => {})
      prepared = state.prepare()
      due = dueAfter(times.next(), beganAt, endAt)
    }
  }
  return new Promise((resolve, reject) => {
    const tick = () => {
      try {
        sendDue()
      } catch (error) {
        return reject(error)
      }
      if (!mayGoOn()) return resolve(countUnsent())
      const wait = Math.min(due ?? endAt, endAt) - performance.now()
      if (isHeld) setTimeout(tick, 1)
      else if (wait > timerSlackMs + 1) setTimeout(tick, Math.min(longestNap, Math.floor(wait - timerSlackMs)))
      else setImmediate(tick)
    }
    tick()
  })

  function countUnsent(): void {
    if (state.isOver || state.sent >= spec.requests) return
    for (; due !== undefined && state.unsent < mostRequests; due = dueAfter(times.next(), beganAt, endAt))
      state.unsent++
  }
}

/** When the next is due; undefined where that is after the end. */
function dueAfter({ done, value }: IteratorResult<number>, beganAt: number, endAt: number): number | undefined {
  return done === true || beganAt + value >= endAt ? undefined : beganAt + value
}
