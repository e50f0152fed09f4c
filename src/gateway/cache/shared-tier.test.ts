import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import type { SharedStore } from '../../storage/shared-store.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { SharedTier } from './shared-tier.ts'

const answer = (text: string): KeptAnswer => ({
  head: { status: 200, headers: { 'content-type': 'application/json' } },
  pieces: [{ bytes: Buffer.from(text), ends: true }],
  summary: { usage: undefined, finishReason: 'stop', provider: 'up', model: 'm', answeredBy: undefined },
  size: 100,
  keptAt: Date.now(),
})

/** A store that takes so long, and fails where it is told to. */
class FakeStore {
  readonly entries = new Map<string, { text: string; ttlMs: number }>()
  readonly time: VirtualTime
  delayMs = 1
  isReachable = true
  refuses: string | undefined
  opened = 0
  finds = 0
  #open = new Set<{ isOpen: boolean }>()

  constructor(time: VirtualTime) {
    this.time = time
  }

  drop(): void {
    for (const each of this.#open) each.isOpen = false
  }

  readonly open = async (): Promise<SharedStore> => {
    await this.time.sleep(1)
    if (!this.isReachable) throw new Error('connect ECONNREFUSED')
    this.opened++
    const state = { isOpen: true }
    this.#open.add(state)
    const after = async <T>(value: () => T): Promise<T> => {
      await this.time.sleep(this.delayMs)
      if (!state.isOpen) throw new Error('closed')
      return value()
    }
    const { entries } = this
    return {
      get isOpen() {
        return state.isOpen
      },
      ping: () => after(() => undefined),
      find: (key, mostBytes) => {
        this.finds++
        return after(() => {
          const text = entries.get(key)?.text
          return text === undefined || text.length > mostBytes ? undefined : text
        })
      },
      put: (key, text, ttlMs) =>
        after(() => {
          if (this.refuses !== undefined) throw new Error(this.refuses)
          entries.set(key, { text, ttlMs })
        }),
      close: () => {
        state.isOpen = false
      },
    }
  }
}

function started(settings = { ttlSeconds: 60, maxAnswerMB: 2 }) {
  const time = new VirtualTime()
  const store = new FakeStore(time)
  const troubles: string[] = []
  const open = () => {
    const onTrouble = (error: unknown) => troubles.push((error as Error).message)
    return new SharedTier({ open: store.open, settings, timekeeper: time, random: () => 1, onTrouble })
  }
  return { time, store, troubles, open }
}

/** What it found, and the time it took. */
async function asked(tier: SharedTier, time: VirtualTime, key = 'k') {
  const from = time.now()
  const found: { kept: KeptAnswer | undefined; ms: number }[] = []
  void tier.get(key, 0).then((kept) => found.push({ kept, ms: time.now() - from }))
  for (let ms = 0; found.length === 0; ms++) await time.run(from + ms)
  return found[0] as (typeof found)[0]
}

const bytesOf = ({ kept }: { kept: KeptAnswer | undefined }) => {
  const piece = kept?.pieces[0]
  return piece && 'bytes' in piece ? Buffer.from(piece.bytes).toString() : undefined
}

test('what one process keeps another is given, under a name without content, for as long as it is kept', async () => {
  const { time, store, open } = started()
  const [one, other] = [open(), open()]
  await time.run(10)
  one.set('k', answer('Hi'))
  await time.run(100)
  expect(bytesOf(await asked(other, time))).toBe('Hi')
  expect([...store.entries.keys()]).toEqual(['inferloom:1:answer:k'])
  expect(store.entries.get('inferloom:1:answer:k')?.ttlMs).toBe(60_000)
  const since = Date.now() + 1000
  const none = other.get('k', since)
  await time.run(200)
  expect(await none).toBeUndefined()
})

test('nobody waits for a connection, nor longer than 50 ms for an answer', async () => {
  const { time, store, open } = started()
  const tier = open()
  expect((await asked(tier, time)).ms).toBe(0)
  await time.run(100)
  store.delayMs = 10_000
  expect((await asked(tier, time)).ms).toBe(50)
  expect(tier.report()).toMatchObject({ lookups: { skipped: 1, late: 1 } })
})

test('one that does not answer is left alone after three tries, and asked again later and later', async () => {
  const { time, store, troubles, open } = started()
  const tier = open()
  await time.run(100)
  store.delayMs = 1e9
  let waitedMs = 0
  for (let request = 0; request < 3000; request++) {
    waitedMs += (await asked(tier, time, `k${request}`)).ms
    await time.run(time.now() + 100)
  }
  // Five minutes: three lookups that were late, and no request waited for what came after.
  expect(waitedMs).toBe(150)
  expect(tier.report()).toMatchObject({ state: 'resting', lookups: { late: 3 } })
  expect(store.opened).toBeLessThan(20)
  expect(troubles).toEqual(['It did not answer within 50 ms.'])
  store.delayMs = 1
  await time.run(time.now() + 30_000)
  await asked(tier, time)
  await time.run(time.now() + 1000)
  await asked(tier, time)
  expect(tier.report()).toMatchObject({ state: 'ready', trouble: undefined })
})

test('what was asked together and came late counts once: this process may have stood still', async () => {
  const { time, store, open } = started()
  const tier = open()
  await time.run(100)
  store.delayMs = 60
  for (let at = 0; at < 100; at++) void tier.get(`k${at}`, 0)
  await time.run(time.now() + 100)
  expect(tier.report()).toMatchObject({ state: 'ready', lookups: { late: 100 } })
})

test('one that cannot be reached costs nobody anything, and what was to be written is there when it is back', async () => {
  const { time, store, troubles, open } = started()
  store.isReachable = false
  const tier = open()
  for (let at = 0; at < 1000; at++) {
    tier.set(`k${at}`, answer(`${at}`))
    expect((await asked(tier, time, 'other')).ms).toBe(0)
    await time.run(time.now() + 50)
  }
  expect(tier.report()).toMatchObject({ waiting: 500, writes: { dropped: 500, written: 0 } })
  expect(troubles).toEqual(['connect ECONNREFUSED'])
  store.isReachable = true
  await time.run(time.now() + 60_000)
  expect(tier.report()).toMatchObject({ state: 'ready', waiting: 0, writes: { written: 500 } })
  expect(store.entries.has('inferloom:1:answer:k999')).toBe(true)
})

test('one that is full is read all the same', async () => {
  const { time, store, troubles, open } = started()
  const tier = open()
  await time.run(10)
  tier.set('k', answer('Hi'))
  await time.run(100)
  store.refuses = 'OOM command not allowed'
  for (let at = 0; at < 10; at++) {
    tier.set(`more${at}`, answer('x'))
    await time.run(time.now() + 5000)
    expect(bytesOf(await asked(tier, time))).toBe('Hi')
  }
  expect(troubles).toEqual(['OOM command not allowed'])
  expect(tier.report()).toMatchObject({ state: 'ready', trouble: 'OOM command not allowed', writes: { failed: 10 } })
})

test('a connection that ends is made again', async () => {
  const { time, store, open } = started()
  const tier = open()
  await time.run(5000)
  tier.set('k', answer('Hi'))
  await time.run(6000)
  store.drop()
  expect(bytesOf(await asked(tier, time))).toBeUndefined()
  await time.run(time.now() + 50)
  expect(bytesOf(await asked(tier, time))).toBe('Hi')
  expect(store.opened).toBe(2)
})

test('a thousand who look for the same look once; entries that are too large, or no answers, are none', async () => {
  const { time, store, open } = started({ ttlSeconds: 60, maxAnswerMB: 0.001 })
  const tier = open()
  await time.run(10)
  store.entries.set('inferloom:1:answer:large', { text: 'x'.repeat(3000), ttlMs: 1 })
  store.entries.set('inferloom:1:answer:odd', { text: '{"pieces":[{}]}', ttlMs: 1 })
  const looks = Array.from({ length: 1000 }, () => tier.get('large', 0))
  await time.run(time.now() + 10)
  expect((await Promise.all(looks)).every((kept) => kept === undefined)).toBe(true)
  expect(store.finds).toBe(1)
  expect((await asked(tier, time, 'odd')).kept).toBeUndefined()
  expect(tier.report()).toMatchObject({ lookups: { miss: 1, unreadable: 1 } })
})

test('closing writes what waits, and does not wait for ever', async () => {
  const { time, store, open } = started()
  const tier = open()
  await time.run(10)
  tier.set('k', answer('Hi'))
  const closed = tier.close()
  await time.run(100)
  await closed
  expect(store.entries.size).toBe(1)
  const other = open()
  await time.run(200)
  store.delayMs = 1e9
  other.set('k', answer('Hi'))
  let isClosed = false
  void other.close().then(() => (isClosed = true))
  await time.run(time.now() + 1001)
  expect(isClosed).toBe(true)
})
