import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InferloomError } from '../../canonical/errors.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Provider } from '../../providers/provider.ts'
import { BudgetNotices } from '../budgets/notices.ts'
import type { Spent, Whose } from '../../storage/spend-rows.ts'
import type { Caller } from '../caller.ts'
import type { Admitted, Asked } from './admission.ts'
import type { Clock } from './clock.ts'
import type { KeyLimits } from './key-limits.ts'
import { Limits, type LimitsParts, type LimitsSettings } from './limits.ts'

const dayMs = 86_400_000
const begin = Date.UTC(2026, 10, 25, 12)

class SetClock implements Clock {
  #passed = 0

  elapsed(): number {
    return this.#passed
  }

  time(): number {
    return begin + this.#passed
  }

  pass(ms: number): void {
    this.#passed += ms
  }
}

/** A dollar for each token. */
const prices: LimitsParts['prices'] = {
  cost: ({ model, usage: { inputTokens, outputTokens } }) =>
    model === 'unknown' ? undefined : { usd: inputTokens.total + outputTokens.total, price: 'a dollar a token' },
}

const settings: LimitsSettings = {
  timeZone: 'UTC',
  keys: {},
  models: {},
  queue: 10,
  maxWaitSeconds: 60,
  openOutputTokens: 10,
  unpriced: 'refuse',
}

interface Bench {
  readonly limits: Limits
  readonly clock: SetClock
  key: KeyLimits | undefined
  team: KeyLimits | undefined
  /** What the ledger has of each. */
  readonly ledger: Map<string, Spent>
  /** Who was looked up there. */
  readonly read: string[]
}

function bench(given: Partial<LimitsSettings> = {}, key?: KeyLimits, team?: KeyLimits): Bench {
  const clock = new SetClock()
  const ledger = new Map<string, Spent>()
  const read: string[] = []
  const since = async ({ kind, id }: Whose, _from: number, cut: () => void) => {
    read.push(id)
    await Promise.resolve()
    cut()
    return ledger.get(`${kind}/${id}`) ?? { requests: 0, tokens: 0, usd: 0, first: null }
  }
  const made: Bench = { limits: undefined as unknown as Limits, clock, key, team, ledger, read }
  const limits = new Limits({
    settings: { ...settings, ...given },
    clock,
    prices,
    isRoute: (name) => name === 'route',
    limitsOf: () => ({ key: made.key, team: made.team }),
    spending: { since },
    notices: new BudgetNotices(undefined, () => {}),
  })
  return Object.assign(made, { limits })
}

const caller: Caller = { keyId: 'k1', name: 'one', teamId: 't1', scopes: new Set(['inference']) }

function asked(tokens: number, more: Partial<Asked> & { readonly called?: string } = {}): Asked {
  const { called = 'm', ...rest } = more
  return {
    caller,
    model: called,
    served: { provider: { name: 'p' } as Provider, model: called.replace(/^p\//, '') },
    // Half of the tokens are input, four bytes each.
    body: 'x'.repeat(Math.floor(tokens / 2) * 4),
    maxOutputTokens: Math.ceil(tokens / 2),
    signal: new AbortController().signal,
    ...rest,
  }
}

function usage(total: number): Usage {
  const input = Math.min(total, Math.floor(total / 2))
  return { inputTokens: { total: input, cacheRead: 0 }, outputTokens: { total: total - input, reasoning: 0 } }
}

async function ask(limits: Limits, what: Asked): Promise<Admitted | InferloomError> {
  try {
    return await limits.admit(what)
  } catch (error) {
    return error as InferloomError
  }
}

const isIn = (one: Admitted | InferloomError): one is Admitted => 'settle' in one

describe('limits', () => {
  test('let in what a naive count lets in, and nothing else', async () => {
    interface Counted {
      at: number
      tokens: number
      /** Beyond what was set aside. */
      more?: { at: number; tokens: number }
    }
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('ask' as const), tokens: fc.integer({ min: 1, max: 60 }) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('settle' as const),
          which: fc.nat(100),
          tokens: fc.integer({ min: 0, max: 90 }),
        }),
      },
      // Whole slots of a minute, so that the naive count needs none.
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), rpm: fc.integer({ min: 1, max: 8 }) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const made = bench(
          {},
          { rpm: 4, tpm: 100 },
          { tokens: [{ limit: 400, window: 'day' }], budgets: [{ usd: 350, window: 'day' }] },
        )
        let rpm = 4
        let day = 0
        const counted: Counted[] = []
        const open: { admitted: Admitted; set: number; entry: Counted }[] = []
        const now = () => made.clock.elapsed()
        const recent = (at: number) => now() - at < 61_000
        for (const each of steps) {
          if (each.do === 'pass') {
            made.clock.pass(each.seconds * 1000)
          } else if (each.do === 'limit') {
            rpm = each.rpm
            made.key = { rpm, tpm: 100 }
          } else if (each.do === 'settle') {
            const [one] = open.splice(each.which % Math.max(1, open.length), 1)
            if (!one) continue
            one.admitted.settle({ usage: usage(each.tokens), cost: each.tokens })
            one.admitted.settle({ usage: usage(each.tokens), cost: each.tokens })
            day += each.tokens - one.set
            if (each.tokens > one.set) one.entry.more = { at: now(), tokens: each.tokens - one.set }
            else one.entry.tokens = each.tokens
          } else {
            const minute = counted.reduce(
              (sum, { at, tokens, more }) =>
                sum + (recent(at) ? tokens : 0) + (more && recent(more.at) ? more.tokens : 0),
              0,
            )
            const requests = counted.filter(({ at }) => recent(at)).length
            const { tokens } = each
            const room = requests + 1 <= rpm && minute + tokens <= 100 && day + tokens <= 350 && day < 350
            const answer = await ask(made.limits, asked(tokens))
            expect(isIn(answer)).toBe(room)
            if (!isIn(answer)) continue
            const entry = { at: now(), tokens }
            counted.push(entry)
            open.push({ admitted: answer, set: tokens, entry })
            day += tokens
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  test.each([500, 2000])('of %i at once exactly as many as are allowed', async (arrivals) => {
    const { limits } = bench({}, { rpm: 100 }, { budgets: [{ usd: 1_000_000, window: 'month' }] })
    const answers = await Promise.all(Array.from({ length: arrivals }, () => ask(limits, asked(2))))
    expect(answers.filter(isIn)).toHaveLength(100)
  })

  test('who is refused by one limit takes nothing of the others', async () => {
    const made = bench({ models: { m: { rpm: 1 } } }, { rpm: 3 }, { rpm: 3 })
    const first = await ask(made.limits, asked(2))
    for (let index = 0; index < 10; index++)
      expect(await ask(made.limits, asked(2))).toMatchObject({ code: 'rate_limited' })
    expect(isIn(first)).toBe(true)
    expect(isIn(await ask(made.limits, asked(2, { called: 'other' })))).toBe(true)
    expect(isIn(await ask(made.limits, asked(2, { called: 'other' })))).toBe(true)
    expect(await ask(made.limits, asked(2, { called: 'other' }))).toMatchObject({ code: 'rate_limited' })
  })

  test('another name of a model has the limits of the model', async () => {
    const { limits } = bench({ models: { m: { rpm: 1 } } })
    expect(isIn(await ask(limits, asked(2, { called: 'p/m' })))).toBe(true)
    expect(await ask(limits, asked(2))).toMatchObject({ code: 'rate_limited' })
  })

  test('who left while waiting has taken nothing', async () => {
    const { limits } = bench({}, { rpm: 2, concurrency: 1 })
    const first = (await ask(limits, asked(2))) as Admitted
    const controller = new AbortController()
    const waiting = ask(limits, asked(2, { signal: controller.signal }))
    controller.abort(new Error('left'))
    expect(await waiting).toMatchObject({ message: 'left' })
    const second = ask(limits, asked(2))
    first.settle({ usage: usage(2) })
    expect(isIn(await second)).toBe(true)
    expect(await ask(limits, asked(2))).toMatchObject({ code: 'rate_limited' })
  })

  test('a budget counts what the ledger has, in whatever order things come', async () => {
    const made = bench({}, { budgets: [{ usd: 100, window: 'month', soft: 60 }] })
    made.ledger.set('key/k1', { requests: 3, tokens: 50, usd: 50, first: null })
    const first = (await ask(made.limits, asked(20))) as Admitted
    expect(first.standing?.budgetWarning).toMatch('$70.00 of the budget of $100.00 a month of this key')
    expect(await ask(made.limits, asked(40))).toMatchObject({ code: 'budget_exceeded' })
    first.settle({ usage: usage(10), cost: 10 })
    expect(isIn(await ask(made.limits, asked(40)))).toBe(true)
    expect(await ask(made.limits, asked(2))).toMatchObject({ code: 'budget_exceeded' })
  })

  test('a budget that is set while requests run counts them, and what was before', async () => {
    const made = bench()
    made.ledger.set('key/k1', { requests: 1, tokens: 10, usd: 10, first: null })
    const running = (await ask(made.limits, asked(30))) as Admitted
    made.key = { budgets: [{ usd: 50, window: 'day' }] }
    const next = (await ask(made.limits, asked(2))) as Admitted
    next.settle({ usage: usage(2), cost: 2 })
    running.settle({ usage: usage(30), cost: 30 })
    expect(await ask(made.limits, asked(10))).toMatchObject({ code: 'budget_exceeded' })
    expect(isIn(await ask(made.limits, asked(8)))).toBe(true)
    made.key = { budgets: [{ usd: 60, window: 'day' }] }
    expect(isIn(await ask(made.limits, asked(10)))).toBe(true)
  })

  test('a new period begins with nothing spent, and a request counts in that of its beginning', async () => {
    const made = bench({}, { budgets: [{ usd: 50, window: 'day' }] })
    const running = (await ask(made.limits, asked(40))) as Admitted
    expect(await ask(made.limits, asked(20))).toMatchObject({ code: 'budget_exceeded', retryAfterSeconds: 43_200 })
    made.clock.pass(dayMs / 2)
    running.settle({ usage: usage(40), cost: 40 })
    expect(isIn(await ask(made.limits, asked(50)))).toBe(true)
  })

  test('usage that cannot be neither frees nor breaks anything', async () => {
    const made = bench({}, { tpm: 100, budgets: [{ usd: 100, window: 'day' }] })
    for (const tokens of [-1e9, Number.NaN, Number.NEGATIVE_INFINITY, Infinity, 1e300]) {
      const one = (await ask(made.limits, asked(2))) as Admitted
      one.settle({ usage: { ...usage(2), inputTokens: { total: tokens, cacheRead: 0 } }, cost: tokens })
    }
    const one = (await ask(made.limits, asked(2))) as Admitted
    expect(one.standing?.tokens).toMatchObject({ limit: 100, remaining: 88 })
    // What it took is more than was expected, by far: the window is full until that has left it.
    one.settle({ usage: usage(1000), cost: 3 })
    expect(await ask(made.limits, asked(2))).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 61 })
    made.clock.pass(61_000)
    expect(isIn(await ask(made.limits, asked(97)))).toBe(true)
  })

  test('an answer of open length fits into a limit that is smaller than what is expected of it', async () => {
    const open = asked(20, { maxOutputTokens: undefined })
    const { limits } = bench({ openOutputTokens: 500 }, { tpm: 100 })
    expect(isIn(await ask(limits, open))).toBe(true)
    expect(await ask(limits, open)).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 61 })
    // One that is larger than the limit whenever it comes is not told to come back.
    expect(await ask(limits, asked(220))).toMatchObject({ code: 'rate_limited', retryAfterSeconds: undefined })
    const budgeted = bench({ openOutputTokens: 500 }, { budgets: [{ usd: 50, window: 'day' }] })
    expect(isIn(await ask(budgeted.limits, open))).toBe(true)
    expect(await ask(budgeted.limits, open)).toMatchObject({ code: 'budget_exceeded' })
  })

  test('under a budget an unknown price is refused, unless it is said to be allowed', async () => {
    const budgets = [{ usd: 50, window: 'day' as const }]
    const unknown = asked(2, { called: 'unknown' })
    expect(await ask(bench({}, { budgets }).limits, unknown)).toMatchObject({ code: 'price_unknown' })
    expect(isIn(await ask(bench({ unpriced: 'allow' }, { budgets }).limits, unknown))).toBe(true)
    expect(isIn(await ask(bench({}, { rpm: 5 }).limits, unknown))).toBe(true)
  })

  test('whoever is idle is forgotten, and read from the ledger when they come back; who runs is not', async () => {
    const made = bench({}, { rpm: 1000, budgets: [{ usd: 100, window: 'month' }] })
    const from = (keyId: string) => asked(2, { caller: { ...caller, keyId } })
    const running = (await ask(made.limits, from('runs'))) as Admitted
    const over = (await ask(made.limits, from('over'))) as Admitted
    over.settle({ usage: usage(2), cost: 2 })
    made.clock.pass(700_000)
    await ask(made.limits, from('other'))
    made.ledger.set('key/over', { requests: 1, tokens: 2, usd: 99, first: null })
    made.ledger.set('key/runs', { requests: 0, tokens: 0, usd: 99, first: null })
    expect(await ask(made.limits, from('over'))).toMatchObject({ code: 'budget_exceeded' })
    expect(isIn(await ask(made.limits, from('runs')))).toBe(true)
    expect(made.read).toEqual(['runs', 'over', 'other', 'over'])
    running.settle({ usage: usage(2), cost: 2 })
  })
})
