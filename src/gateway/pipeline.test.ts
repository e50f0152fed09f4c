import { expect, test } from 'vitest'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Provider } from '../providers/provider.ts'
import { localCaller, type Caller } from './caller.ts'
import { Ledger } from './ledger/ledger.ts'
import { Models } from './models.ts'
import { Pipeline } from './pipeline.ts'
import { simpleAttempts } from '../../test/simple-attempts.ts'
import { PlainPlanner } from './routing/plain-planner.ts'

const ledger = new Ledger({
  rows: { write: async () => ({ totals: { rows: 0, bytes: 0 } }) } as never,
  record: true,
  maxAgeDays: 1,
  maxMB: 1,
  replay: false,
  content: { share: 0, maxAgeDays: 1, redact: true },
  onTrouble: () => {},
})

/** The tier that a provider is asked for by a key with a tier of its own. */
async function tierAsked(schedules: boolean, asked: Pick<GenerateRequest, 'serviceTier'>): Promise<unknown> {
  let seen: GenerateRequest | undefined
  const provider: Provider = {
    name: 'p',
    plansDeadlines: schedules,
    models: () => [{ id: 'm', ownedBy: 'p', created: 0 }],
    ready: async () => {},
    // oxlint-disable-next-line require-yield
    async *generate(request) {
      seen = request
    },
    close: async () => {},
  }
  const models = new Models({ local: [], remote: [provider] })
  const pipeline = new Pipeline(models, {
    planner: new PlainPlanner(models),
    attempts: simpleAttempts(),
    admission: { admit: () => ({ settle() {} }) },
    prices: undefined,
    ledger,
  })
  const caller: Caller = { ...localCaller, keyId: 'k', tier: 'flex' }
  const { signal } = new AbortController()
  const context = { id: '1', dialect: 'd', stream: false, receivedAt: performance.now(), signal, caller }
  const request: GenerateRequest = {
    model: 'm',
    input: { kind: 'chat', messages: [] },
    n: 1,
    stop: [],
    sampling: {},
    ...asked,
  }
  const nobody = { begin: neverCalled, take: neverCalled, takeEvents: neverCalled }
  await pipeline.answer({ model: 'm', wire: 'd', understood: () => request }, context, nobody)
  return seen?.serviceTier
}

test("a key's own tier is for requests that name none, where they are scheduled here", async () => {
  expect(await tierAsked(true, {})).toBe('flex')
  expect(await tierAsked(true, { serviceTier: 'priority' })).toBe('priority')
  expect(await tierAsked(false, {})).toBe(undefined)
})

function neverCalled(): never {
  throw new Error('nothing is answered')
}
