import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../test/server-fixture.ts'
import { openStore } from '../../storage/store.ts'
import { ResponseStore, type KeptResponse, type ResponseStoreOptions } from './response-store.ts'

async function open(change: Partial<ResponseStoreOptions> = {}, home = temporaryFolder()) {
  const store = await openStore(home)
  const lost: number[] = []
  const options = {
    rows: store.responses,
    maxAgeDays: 30,
    maxMB: 1,
    onTrouble: (_: unknown, n: number) => lost.push(n),
  }
  const responses = new ResponseStore({ ...options, ...change })
  const close = async () => {
    await responses.close()
    await store.close()
  }
  return { responses, rows: store.responses, lost, home, close }
}

const kept = (id: string, change: Partial<KeptResponse> = {}): KeptResponse => ({
  id,
  owner: 'ann',
  createdAt: Date.now(),
  previousId: undefined,
  input: `["input of ${id}"]`,
  response: `{"id":"${id}"}`,
  ...change,
})

test('what was kept is found at once, and after a restart', async () => {
  const first = await open()
  first.responses.keep(kept('a'))
  first.responses.keep(kept('b', { previousId: 'a' }))
  expect(await first.responses.find('b', 'ann')).toMatchObject({ id: 'b', previousId: 'a' })
  expect((await first.responses.chain('b', 'ann')).map(({ id }) => id)).toEqual(['a', 'b'])
  await first.close()
  const second = await open({}, first.home)
  onTestFinished(second.close)
  expect((await second.responses.chain('b', 'ann')).map(({ id }) => id)).toEqual(['a', 'b'])
  second.responses.keep(kept('c', { previousId: 'b' }))
  // Half of it is in memory, half on the disk.
  expect((await second.responses.chain('c', 'ann')).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
})

test('nobody finds, continues or deletes what is another’s, before and after it is written', async () => {
  const { responses, close } = await open()
  onTestFinished(close)
  responses.keep(kept('a'))
  for (const written of [false, true]) {
    if (written) await responses.flush()
    expect(await responses.find('a', 'bob')).toBeUndefined()
    expect(await responses.chain('a', 'bob')).toEqual([])
    expect(await responses.delete('a', 'bob')).toBe(false)
    responses.keep(kept(`next of bob ${written}`, { owner: 'bob', previousId: 'a' }))
    expect(await responses.chain(`next of bob ${written}`, 'bob')).toEqual([])
  }
  expect(await responses.find('a', 'ann')).toMatchObject({ id: 'a' })
})

test('what is deleted is gone, also while it is being written, and with it what it began', async () => {
  const { responses, close } = await open()
  onTestFinished(close)
  responses.keep(kept('a'))
  responses.keep(kept('b', { previousId: 'a' }))
  const writing = responses.flush()
  expect(await responses.delete('a', 'ann')).toBe(true)
  await writing
  expect(await responses.find('a', 'ann')).toBeUndefined()
  expect(await responses.delete('a', 'ann')).toBe(false)
  expect(await responses.chain('b', 'ann')).toEqual([])
})

test('a conversation that leads back to itself ends', async () => {
  const { responses, close } = await open()
  onTestFinished(close)
  responses.keep(kept('a', { previousId: 'b' }))
  responses.keep(kept('b', { previousId: 'a' }))
  expect(await responses.chain('a', 'ann')).toEqual([])
  await responses.flush()
  expect(await responses.chain('a', 'ann')).toEqual([])
})

test('the oldest make room, and what is too old is not found and goes', async () => {
  const { responses, rows, close } = await open()
  onTestFinished(close)
  const old = Date.now() - 31 * 86_400_000
  responses.keep(kept('old', { createdAt: old }))
  expect(await responses.chain('old', 'ann')).toHaveLength(1)
  await responses.flush()
  expect(await responses.find('old', 'ann')).toBeUndefined()
  for (let n = 0; n < 250; n++) responses.keep(kept(`r${n}`, { input: JSON.stringify('x'.repeat(10_000)) }))
  await responses.flush()
  await expect.poll(() => rows.totalBytes()).toBeLessThanOrEqual(1_000_000)
  expect(await rows.totalBytes()).toBeGreaterThan(900_000)
  expect(await responses.find('r0', 'ann')).toBeUndefined()
  expect(await responses.find('r249', 'ann')).toMatchObject({ id: 'r249' })
  expect((await rows.oldest(1000)).every(({ created_at: at }) => at > old)).toBe(true)
})

test('one that is larger than all that may be kept is not kept, and that is told', async () => {
  const { responses, lost, close } = await open()
  onTestFinished(close)
  responses.keep(kept('a', { input: JSON.stringify('x'.repeat(1_000_001)) }))
  expect(await responses.find('a', 'ann')).toBeUndefined()
  expect(lost).toEqual([1])
})

test('a conversation that is too large to be put together again is not cut, but not found', async () => {
  const { responses, close } = await open({ maxMB: 100 })
  onTestFinished(close)
  const large = JSON.stringify('x'.repeat(6_000_000))
  for (const written of [false, true]) {
    const names = ['a', 'b', 'c', 'd'].map((each) => `${each}${written}`)
    for (const [at, id] of names.entries()) responses.keep(kept(id, { previousId: names[at - 1], input: large }))
    if (written) await responses.flush()
    expect(await responses.chain(names[1] ?? '', 'ann')).toHaveLength(2)
    expect(await responses.chain(names[3] ?? '', 'ann')).toEqual([])
  }
})

test('while nothing can be written it is held, and written later', async () => {
  const real = await open()
  onTestFinished(real.close)
  let broken = true
  const rows = {
    ...real.rows,
    insert: (all: never) => (broken ? Promise.reject(new Error('disk')) : real.rows.insert(all)),
  }
  const troubled: unknown[] = []
  const onTrouble = (error: unknown) => troubled.push(error)
  const responses = new ResponseStore({ rows, maxAgeDays: 30, maxMB: 1, onTrouble })
  responses.keep(kept('a'))
  await responses.flush()
  expect(troubled).toHaveLength(1)
  expect(await responses.find('a', 'ann')).toMatchObject({ id: 'a' })
  broken = false
  await responses.close()
  expect(await real.responses.find('a', 'ann')).toMatchObject({ id: 'a' })
})

test('nothing asks the database once it is closed, and what was kept until then is written', async () => {
  const real = await open()
  onTestFinished(real.close)
  let closed = false
  const late: PropertyKey[] = []
  const rows = new Proxy(real.rows, {
    get(target, name): unknown {
      if (closed) late.push(name)
      return Reflect.get(target, name)
    },
  })
  const lost: number[] = []
  const responses = new ResponseStore({ rows, maxAgeDays: 30, maxMB: 1, onTrouble: (_, n) => lost.push(n) })
  for (let n = 0; n < 200; n++) responses.keep(kept(`r${n}`, { input: JSON.stringify('x'.repeat(10_000)) }))
  const closing = responses.close()
  responses.keep(kept('while closing'))
  await closing
  closed = true
  responses.keep(kept('after'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(late).toEqual([])
  expect(lost).toEqual([1])
  expect(await real.rows.find('r199', 'ann', 0)).toMatchObject({ id: 'r199' })
  expect(await real.rows.find('while closing', 'ann', 0)).toMatchObject({ id: 'while closing' })
})
