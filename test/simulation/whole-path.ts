import { setImmediate as turn } from 'node:timers/promises'
import { vi } from 'vitest'
import { asInferloomError, InferloomError, type ErrorCode } from '../../src/canonical/errors.ts'
import type { StreamEvent } from '../../src/canonical/events.ts'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import { configSchema } from '../../src/config/schema.ts'
import { localCaller, type Caller } from '../../src/gateway/caller.ts'
import type { CacheWish } from '../../src/gateway/cache/answer-cache.ts'
import type { KeptAnswer } from '../../src/gateway/cache/kept-answer.ts'
import { KeptAnswers } from '../../src/gateway/cache/kept-answers.ts'
import type { Ledger } from '../../src/gateway/ledger/ledger.ts'
import type { Settlement } from '../../src/gateway/limits/admission.ts'
import type { SecondTier } from '../../src/gateway/cache/second-tier.ts'
import type { SemanticIndex } from '../../src/gateway/cache/semantic-index.ts'
import { Models } from '../../src/gateway/models.ts'
import { Pipeline } from '../../src/gateway/pipeline.ts'
import { ProviderPacer } from '../../src/gateway/queue/provider-pacer.ts'
import { Attempts } from '../../src/gateway/routing/attempts.ts'
import { DeploymentHealth } from '../../src/gateway/routing/deployment-health.ts'
import { Hedging } from '../../src/gateway/routing/hedging.ts'
import { RoutePlanner } from '../../src/gateway/routing/planner.ts'
import { Retries } from '../../src/gateway/routing/retries.ts'
import { Routes } from '../../src/gateway/routing/routes.ts'
import type { Timekeeper } from '../../src/gateway/timekeeper.ts'
import type { Provider, RelayChunk, RelayRequest } from '../../src/providers/provider.ts'
import type { LedgerEntry } from '../../src/storage/ledger/ledger-batch.ts'
import { VirtualTime } from './virtual-time.ts'

/** What a provider does when it is asked. Times in milliseconds. */
export interface Behaviour {
  readonly firstMs: number
  readonly pieces: number
  readonly betweenMs: number
  readonly ends: 'well' | 'filtered' | 'fails before content' | 'fails in the middle' | 'stalls' | 'refuses' | 'is cut'
}

export interface AskedOnce {
  readonly atMs: number
  readonly model: 'p/m' | 'q/m' | 'route' | 'hedged'
  readonly stream: boolean
  /** Whether the client's own bytes can be passed on. */
  readonly relayable: boolean
  /** Requests with the same text are the same. */
  readonly text: number
  readonly deterministic: boolean
  readonly wish: CacheWish | undefined
  readonly tenant: 'one' | 'other'
  readonly tier: 'priority' | 'flex' | undefined
  readonly deadlineMs: number | undefined
  readonly leavesMs: number | undefined
  /** Milliseconds for which the client lets each piece wait; undefined reads at once. */
  readonly readsMs: number | undefined
  /** The piece at which reading it fails. */
  readonly breaksAt: number | undefined
}

/** What beside the providers differs from one run to the next. */
export interface Surroundings {
  /** Requests a minute that each provider takes, and requests that may wait for it. */
  readonly limit: number | undefined
  readonly queue: number
  /** Whether what was kept is looked for in a slower place too, and whether questions that are alike get one answer. */
  readonly second: boolean
  readonly semantic: boolean
}

const usage = { inputTokens: { total: 10, cacheRead: 0 }, outputTokens: { total: 5, reasoning: 0 } }
const wire = 'openai-chat'

/** Time that counts what is still planned on it. */
function counted(time: VirtualTime): Timekeeper & { pending: number } {
  const timekeeper = {
    pending: 0,
    now: () => time.now(),
    after(milliseconds: number, call: () => void) {
      let isOver = false
      const end = () => {
        if (!isOver) timekeeper.pending--
        isOver = true
      }
      timekeeper.pending++
      const cancel = time.after(milliseconds, () => {
        end()
        call()
      })
      return () => {
        end()
        cancel()
      }
    },
  }
  return timekeeper
}

/** Sends requests through the path as a server without settings opens it, over providers that behave as they are told. */
export async function played(
  asked: readonly AskedOnce[],
  behaviours: readonly Behaviour[],
  { limit, queue, second, semantic }: Surroundings,
) {
  const time = new VirtualTime()
  const timekeeper = counted(time)
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => time.now())
  let calls = 0
  const open = new Set<number>()
  const asking = (signal: AbortSignal) => {
    const number = calls++
    open.add(number)
    const behaviour = behaviours[number % behaviours.length] as Behaviour
    return { number, behaviour, play: play(time, behaviour, signal, () => open.delete(number)) }
  }
  const provider = (name: string): Provider => ({
    name,
    models: () => [{ id: 'm', ownedBy: name, created: 0 }],
    ready: async () => {},
    relays: () => [wire],
    async relay(request: RelayRequest, signal: AbortSignal) {
      const { play } = asking(signal)
      return { status: 200, headers: { 'content-type': 'x' }, chunks: request.stream ? bytes(play) : whole(play) }
    },
    async *generate(_: GenerateRequest, signal: AbortSignal) {
      for await (const piece of asking(signal).play) yield eventsOf(piece)
    },
    close: async () => {},
  })
  const { reliability, cache: kept, pacing, routes: _ } = configSchema.parse({})
  const { breaker, hedgeShare: share, probes: __, ...retry } = reliability
  const models = new Models({ local: [], remote: [provider('p'), provider('q')] })
  const random = seeded()
  const routeOf = (hedge: boolean) => ({
    objective: 'ordered' as const,
    candidates: ['p/m', 'q/m'],
    require: {},
    bestEffort: false,
    affinity: true,
    reliability: { hedge },
  })
  const settings = { route: routeOf(false), hedged: routeOf(true) }
  const routes = new Routes({ models, settings, withBuiltin: false })
  const health = new DeploymentHealth({ settings: breaker, timekeeper, random })
  const planner = new RoutePlanner({ models, routes, prices: undefined, health, timekeeper, random, explore: 0 })
  const limitsOf = () => (limit === undefined ? {} : { requestsPerMinute: limit })
  const paced = { ...pacing, queue, learn: true }
  const pacer = new ProviderPacer({ settings: paced, timekeeper, keysOf: () => 1, limitsOf })
  const retries = new Retries({ settings: retry, timekeeper, random, health })
  const hedging = new Hedging({ share: Math.max(share, 0.5) })
  const attempts = new Attempts({
    timekeeper,
    pacer,
    health,
    retries,
    hedging,
    began: (candidate, ttftMs) => planner.began(candidate, ttftMs),
    learn: (candidate, outcome) => planner.learn(candidate, outcome),
  })
  const cache = new KeptAnswers({
    settings: kept,
    ...(second && { second: slowTier(time) }),
    ...(semantic && { semantic: lastKept(time) }),
  })
  const entries: LedgerEntry[] = []
  const settled: Settlement[][] = []
  const ledger = { contentOf: () => undefined, record: (entry: LedgerEntry) => void entries.push(entry) }
  const pipeline = new Pipeline(models, {
    planner,
    attempts,
    admission: {
      admit() {
        const of: Settlement[] = []
        settled.push(of)
        return { settle: (settlement) => void of.push(settlement) }
      },
    },
    cache,
    prices: undefined,
    ledger: ledger as unknown as Ledger,
    timekeeper,
  })
  const ends: Awaited<ReturnType<typeof answered>>[] = []
  const all = asked.map(async (one, index) => {
    await time.sleep(one.atMs)
    ends[index] = await answered(time, pipeline, one, index)
  })
  const over = Promise.all(all).then(async () => {
    // What the last of them left to do at that moment is done.
    await turn()
    return timekeeper.pending
  })
  await time.run()
  await turn()
  await turn()
  const pending = await Promise.race([over, turn('never' as const)])
  clock.mockRestore()
  const left = {
    calls: open.size,
    inFlight: health.report().reduce((sum, each) => sum + each.inFlight, 0),
    paced: pacer.report().reduce((sum, each) => sum + each.inFlight + each.waiting, 0),
    shared: cache.report().inFlight,
    pending,
  }
  return { left, settlements: settled.map((of) => of.length), ends, entries, calls }
}

const callers: Readonly<Record<AskedOnce['tenant'], Caller>> = {
  one: localCaller,
  other: { ...localCaller, keyId: 'other' },
}

export const lookUpMs = { second: 7, semantic: 11 }

function slowTier(time: VirtualTime): SecondTier {
  const kept = new Map<string, KeptAnswer>()
  return {
    async get(key) {
      await time.sleep(lookUpMs.second)
      return kept.get(key)
    },
    set: (key, answer) => void kept.set(key, answer),
    close: async () => {},
  }
}

/** Takes any two questions to mean the same. */
function lastKept(time: VirtualTime): SemanticIndex {
  let last: string | undefined
  return {
    wants: (model) => model === 'route',
    async find() {
      await time.sleep(lookUpMs.semantic)
      return last
    },
    kept: (_, key) => void (last = key),
  }
}

async function answered(time: VirtualTime, pipeline: Pipeline, one: AskedOnce, index: number) {
  const controller = new AbortController()
  const body = { text: one.text, stream: one.stream, ...(one.deterministic && { temperature: 0 }) }
  const request: GenerateRequest = {
    model: one.model,
    input: { kind: 'chat', messages: [] },
    n: 1,
    stop: [],
    sampling: {},
  }
  let text = ''
  let taken = 0
  const take = (piece: string): Promise<void> | undefined => {
    if (taken++ === one.breaksAt) throw new InferloomError('client_closed', 'The client stopped reading.')
    text += piece
    return one.readsMs === undefined ? undefined : time.sleep(one.readsMs)
  }
  const reader = {
    begin: () => {},
    take: (bytes: Uint8Array) => take(Buffer.from(bytes).toString()),
    takeEvents: (events: readonly StreamEvent[]) =>
      take(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')),
  }
  const context = {
    id: String(index),
    dialect: wire,
    stream: one.stream,
    receivedAt: time.now(),
    deadlineMs: one.deadlineMs,
    tier: one.tier,
    signal: controller.signal,
    caller: callers[one.tenant],
    text: JSON.stringify(body),
    body,
    cacheWish: one.wish,
  }
  const question = {
    model: one.model,
    wire,
    isRelayable: one.relayable,
    relayed: () => ({ wire, model: 'm', body: context.text, stream: one.stream, headers: {} }),
    understood: () => request,
  }
  const leave = new InferloomError('client_closed', 'The client closed the connection.')
  const cancel = one.leavesMs === undefined ? () => {} : time.after(one.leavesMs, () => controller.abort(leave))
  try {
    await pipeline.answer(question, context, reader)
    return { text, code: undefined, tookMs: time.now() - one.atMs }
  } catch (error) {
    return { text, code: asInferloomError(error).code, tookMs: time.now() - one.atMs }
  } finally {
    cancel()
  }
}

interface Piece {
  readonly text: string
  readonly finish?: 'stop' | 'content-filter'
}

const failures: Partial<Record<Behaviour['ends'], ErrorCode>> = {
  'fails before content': 'provider_failed',
  'fails in the middle': 'provider_failed',
  refuses: 'invalid_value',
  'is cut': 'provider_invalid_reply',
}

async function* play(time: VirtualTime, behaviour: Behaviour, signal: AbortSignal, ended: () => void) {
  const { firstMs, pieces, betweenMs, ends } = behaviour
  const fail = (): never => {
    throw new InferloomError(failures[ends] ?? 'internal_error', ends, { fault: { provider: 'p', status: 500 } })
  }
  try {
    await wait(time, firstMs, signal)
    if (ends === 'fails before content' || ends === 'refuses') fail()
    for (let piece = 0; piece < pieces; piece++) {
      yield { text: `${piece} ` } satisfies Piece
      await wait(time, betweenMs, signal)
      if (ends === 'stalls') await wait(time, Infinity, signal)
      if (ends === 'fails in the middle' || ends === 'is cut') fail()
    }
    yield { text: '', finish: ends === 'filtered' ? 'content-filter' : 'stop' } satisfies Piece
  } finally {
    ended()
  }
}

/** A stall ends with the time-out that every real exchange has. */
const longestMs = 600_000

function wait(time: VirtualTime, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const isStall = milliseconds > longestMs
    const cancel = time.after(Math.min(milliseconds, longestMs), () => {
      if (isStall) reject(new InferloomError('provider_timeout', 'stalled', { fault: { provider: 'p' } }))
      else resolve()
    })
    signal.addEventListener('abort', () => {
      cancel()
      reject(signal.reason as Error)
    })
  })
}

function eventsOf({ text, finish }: Piece): readonly StreamEvent[] {
  if (finish === undefined) return [{ type: 'text-delta', choiceIndex: 0, text }]
  return [
    { type: 'text-end', choiceIndex: 0, finishReason: finish },
    { type: 'finish', usage },
  ]
}

async function* bytes(pieces: AsyncGenerator<Piece>): AsyncGenerator<RelayChunk> {
  for await (const { text, finish } of pieces) {
    if (finish === undefined) yield { bytes: Buffer.from(text), deltas: 1 }
    else yield { bytes: Buffer.from('.'), deltas: 0, finishReason: finish, usage }
  }
}

async function* whole(pieces: AsyncGenerator<Piece>): AsyncGenerator<RelayChunk> {
  let all = ''
  let finishReason: Piece['finish']
  for await (const { text, finish } of pieces) {
    all += text
    finishReason = finish
  }
  yield { bytes: Buffer.from(all), deltas: 1, finishReason, usage, isLast: true }
}

/** The same in each run. */
function seeded(): () => number {
  let state = 1
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
}
