import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { InferloomError, type ErrorCode } from '../../canonical/errors.ts'
import { configSchema } from '../../config/schema.ts'
import type { Pacer, Pass } from '../queue/pacer.ts'
import type { LostAttempt } from './attempt.ts'
import { Attempts } from './attempts.ts'
import { DeploymentHealth } from './deployment-health.ts'
import { Hedging } from './hedging.ts'
import type { Plan, Planned, RouteReliability } from './plan.ts'
import { Retries } from './retries.ts'

/** What a candidate does each time it is asked: an answer after a while, or an error. */
type Step = number | InferloomError | { readonly after: number; readonly error: InferloomError }

function error(code: ErrorCode, retryAfterSeconds?: number): InferloomError {
  return new InferloomError(code, code, {
    fault: { provider: 'p' },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}

interface Options {
  readonly reliability?: RouteReliability
  readonly pacer?: Pacer | ((health: DeploymentHealth) => Pacer)
  readonly ttftP95Ms?: number
  readonly deadlineAt?: number
  readonly abortAt?: number
}

/** Runs one request against candidates that do as they are told, `a` first. */
async function asked(steps: Readonly<Record<string, readonly Step[]>>, options: Options = {}) {
  const time = new VirtualTime()
  const { breaker, hedgeShare: share, ...settings } = configSchema.parse({}).reliability
  const random = () => 0.5
  const health = new DeploymentHealth({ settings: breaker, timekeeper: time, random })
  const retries = new Retries({ settings, timekeeper: time, random, health })
  const hedging = new Hedging({ share: Math.max(share, 1) })
  const parts = { timekeeper: time, health, retries, hedging, began: () => {}, learn: () => {} }
  const pacer = typeof options.pacer === 'function' ? options.pacer(health) : options.pacer
  const attempts = new Attempts({ ...parts, ...(pacer && { pacer }) })
  const { ttftP95Ms } = options
  const candidates = Object.keys(steps).map((id): Planned => {
    const served = { provider: { name: 'p' } as never, model: id }
    return { id, served, ...(ttftP95Ms !== undefined && { prediction: { ttftP95Ms } as never }) }
  })
  const { reliability } = options
  const plan: Plan = { route: 'r', candidates, excluded: [], ...(reliability && { reliability }) }
  const turns = new Map<string, number>()
  const log: string[] = []
  let wonNumber: number | undefined
  const lost: LostAttempt[] = []
  const controller = new AbortController()
  const begin = (candidate: Planned, signal: AbortSignal) => {
    const turn = turns.get(candidate.id) ?? 0
    turns.set(candidate.id, turn + 1)
    const step = steps[candidate.id]?.[turn] ?? 10
    log.push(`${candidate.id}@${time.now()}`)
    return new Promise<string>((resolve, reject) => {
      const failing = typeof step === 'number' ? undefined : 'after' in step ? step : { after: 1, error: step }
      const cancel = failing
        ? time.after(failing.after, () => reject(failing.error))
        : time.after(Number(step), () => resolve(candidate.id))
      signal.addEventListener('abort', () => {
        cancel()
        reject(signal.reason as Error)
      })
    })
  }
  if (options.abortAt !== undefined) {
    time.after(options.abortAt, () => controller.abort(new InferloomError('client_closed', 'left')))
  }
  const result = attempts
    .run(
      {
        plan,
        promptTokens: 1,
        outputTokens: 1,
        tier: 'default',
        deadlineAt: options.deadlineAt,
        signal: controller.signal,
        account: { lost: (attempt) => lost.push(attempt) },
      },
      begin,
      (late) => log.push(`late ${late}`),
    )
    .then(
      (won) => {
        won.end({})
        wonNumber = won.number
        return won.candidate.id
      },
      (thrown: InferloomError) => thrown.code,
    )
  await time.run()
  const inFlight = candidates.map((each) => health.inFlight(each))
  return { result: await result, log, lost, won: wonNumber, at: time.now(), inFlight }
}

test('what fails is asked of the next at once, and of the same one after a while where there is no next', async () => {
  expect((await asked({ a: [error('provider_failed')], b: [10] })).log).toEqual(['a@0', 'b@1'])
  // Half of 250 ms, then half of 500.
  const alone = await asked({ a: [error('provider_failed'), error('provider_unreachable'), 10] })
  expect(alone).toMatchObject({ result: 'a', log: ['a@0', 'a@126', 'a@377'] })
})

test('a wait that a provider asks for is kept to, and too long a one is told', async () => {
  expect((await asked({ a: [error('rate_limited', 4), 10] })).log).toEqual(['a@0', 'a@4126'])
  expect(await asked({ a: [error('rate_limited', 11), 10] })).toMatchObject({ result: 'rate_limited', log: ['a@0'] })
  const late = { deadlineAt: 3000 }
  expect(await asked({ a: [error('rate_limited', 4), 10] }, late)).toMatchObject({
    result: 'rate_limited',
    log: ['a@0'],
  })
})

test.each([
  ['provider_refused', ['a@0'], 'provider_refused'],
  ['invalid_value', ['a@0'], 'invalid_value'],
  ['content_filtered', ['a@0'], 'content_filtered'],
  ['context_length_exceeded', ['a@0', 'b@1'], 'b'],
  ['provider_key_refused', ['a@0', 'b@1'], 'b'],
  ['quota_exceeded', ['a@0', 'b@1'], 'b'],
  ['engine_overloaded', ['a@0', 'b@1'], 'b'],
] as const)('%s', async (code, log, result) => {
  expect(await asked({ a: [error(code)], b: [10] })).toMatchObject({ log, result })
})

test('a route may say otherwise', async () => {
  const reliability = { onContentFilter: true, onContextOverflow: false, attempts: 2 }
  expect(await asked({ a: [error('content_filtered')], b: [10] }, { reliability })).toMatchObject({ result: 'b' })
  expect(await asked({ a: [error('context_length_exceeded')], b: [10] }, { reliability })).toMatchObject({
    result: 'context_length_exceeded',
  })
  const failing = { a: [error('provider_failed')], b: [error('provider_failed')], c: [10] }
  expect(await asked(failing, { reliability })).toMatchObject({ result: 'provider_failed', log: ['a@0', 'b@1'] })
})

test('one that does not begin in time is left for the next', async () => {
  const { result, log, lost } = await asked({ a: [60_000], b: [10] }, { reliability: { firstContentMs: 500 } })
  expect([result, log]).toEqual(['b', ['a@0', 'b@500']])
  expect(lost).toMatchObject([{ number: 1, error: { code: 'provider_timeout' }, ended: 'failed', sent: true }])
})

test('a second try helps a slow first one; the loser is cancelled, and told of', async () => {
  const hedge = { reliability: { hedge: true }, ttftP95Ms: 300 }
  const slow = await asked({ a: [60_000], b: [50] }, hedge)
  expect(slow).toMatchObject({ result: 'b', log: ['a@0', 'b@300'], at: 350, inFlight: [0, 0] })
  expect(slow.lost).toMatchObject([{ candidate: { id: 'a' }, ended: 'cancelled', sent: true }])
  expect(await asked({ a: [310], b: [5000] }, hedge)).toMatchObject({ result: 'a', log: ['a@0', 'b@300'], at: 310 })
  expect(await asked({ a: [100], b: [50] }, hedge)).toMatchObject({ result: 'a', log: ['a@0'] })
  // The first one fails before the second would be sent: then it is a request like any other.
  const failing = { a: [error('provider_failed')], b: [10] }
  expect(await asked(failing, hedge)).toMatchObject({ result: 'b' })
})

test('where the first and the second try fail, others are asked, and each try has its own number', async () => {
  const late = (ms: number): Step => ({ after: ms, error: error('provider_failed') })
  const reliability = { hedge: true, attempts: 3 }
  const both = await asked({ a: [late(400)], b: [late(50)], c: [10] }, { reliability, ttftP95Ms: 300 })
  expect(both).toMatchObject({ result: 'c', log: ['a@0', 'b@300', 'c@400'] })
  expect(both.lost.map(({ candidate, number }) => [candidate.id, number])).toEqual([
    ['b', 2],
    ['a', 1],
  ])
  expect(both.won).toBe(3)
  // Two tries are two of those that are allowed.
  const two = { reliability: { hedge: true, attempts: 2 }, ttftP95Ms: 300 }
  expect(await asked({ a: [late(400)], b: [late(50)], c: [10] }, two)).toMatchObject({
    result: 'provider_failed',
    log: ['a@0', 'b@300'],
  })
})

test('what was set aside at a limit is given back where the wait for it was too long for the candidate', async () => {
  const settled: Parameters<Pass['settle']>[0][] = []
  const pacer = (health: DeploymentHealth): Pacer => ({
    // While it waits the candidate fails for others.
    enter({ candidate: { id } }) {
      if (id === 'a') for (let each = 0; each < 20; each++) health.probed('a', false)
      return { settle: (result) => settled.push(result) }
    },
    observe() {},
  })
  expect(await asked({ a: [10], b: [10] }, { pacer })).toMatchObject({ result: 'b', log: ['b@0'] })
  expect(settled).toMatchObject([{ error: { code: 'provider_overloaded' }, wasSent: false }, {}])
})

test('where a limit leaves no room somebody else is asked, which is no try', async () => {
  const pass = { settle() {} }
  const full = () => {
    throw new InferloomError('queue_full', 'full')
  }
  const pacer: Pacer = {
    enter: ({ candidate, canMoveOn }) => (candidate.id === 'b' || !canMoveOn ? pass : full()),
    observe() {},
  }
  const moved = await asked({ a: [10], b: [10] }, { pacer })
  expect(moved).toMatchObject({ result: 'b', log: ['b@0'] })
  expect(moved.lost).toMatchObject([{ sent: false }])
  // Where nobody has room, it waits for one of them.
  const all: Pacer = { enter: ({ canMoveOn }) => (canMoveOn ? full() : pass), observe() {} }
  expect(await asked({ a: [10], b: [10] }, { pacer: all })).toMatchObject({ result: 'a', log: ['a@0'] })
})

test('whoever leaves ends everything, also a wait', async () => {
  const { result, log, at } = await asked({ a: [error('rate_limited', 8), 10] }, { abortAt: 2000 })
  expect([result, log, at]).toEqual(['client_closed', ['a@0'], 2000])
})

test('whatever candidates do, a request ends, tries stay within their number, and nothing is left under way', async () => {
  const codes = ['provider_failed', 'rate_limited', 'provider_refused', 'quota_exceeded', 'content_filtered'] as const
  const step = fc.oneof(
    fc.integer({ min: 1, max: 100_000 }),
    fc.constantFrom(...codes).map((code) => error(code)),
    fc.constantFrom(...codes).map((code) => ({ after: 1000, error: error(code) })),
    fc.integer({ min: 0, max: 20 }).map((seconds) => error('rate_limited', seconds)),
  )
  const steps = fc.record({ a: fc.array(step, { maxLength: 4 }), b: fc.array(step, { maxLength: 4 }) })
  const reliability = fc.record({
    attempts: fc.integer({ min: 1, max: 5 }),
    hedge: fc.boolean(),
    firstContentMs: fc.constantFrom(undefined, 500),
  })
  await fc.assert(
    fc.asyncProperty(steps, reliability, async (given, { attempts, hedge, firstContentMs }) => {
      const own = { attempts, hedge, ...(firstContentMs !== undefined && { firstContentMs }) }
      const { log, lost, won, inFlight, result } = await asked(given, { reliability: own, ttftP95Ms: 300 })
      const numbers = [...lost.map((each) => each.number), ...(won === undefined ? [] : [won])]
      expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1))
      expect(result).toBeTypeOf('string')
      expect(inFlight).toEqual([0, 0])
      // A second try beside the first is one more.
      expect(log.filter((each) => !each.startsWith('late')).length).toBeLessThanOrEqual(attempts + (hedge ? 1 : 0))
    }),
    { numRuns: 300, verbose: true },
  )
})

test('a queue that has no room for it ends a request, and asks nobody for ever', async () => {
  const pacer: Pacer = {
    enter() {
      throw new InferloomError('queue_full', 'full')
    },
    observe() {},
  }
  for (const steps of [{ a: [10] }, { a: [10], b: [10] }]) {
    expect(await asked(steps, { pacer })).toMatchObject({ result: 'queue_full', log: [] })
  }
})
