import { expect, test } from 'vitest'
import { entry, openedStore } from '../../../test/ledger-fixture.ts'
import { temporaryFolder } from '../../../test/server-fixture.ts'
import { openStore, type Store } from '../../storage/store.ts'
import { Ledger } from './ledger.ts'

function ledgerIn(store: Store, troubles: unknown[] = []): Ledger {
  return new Ledger({
    rows: store.ledger,
    record: true,
    maxAgeDays: 365,
    maxMB: 1000,
    replay: true,
    content: { share: 0, maxAgeDays: 7, redact: true },
    onTrouble: (error) => troubles.push(error),
  })
}

test('what is held when it ends is written', async () => {
  const { store, db } = await openedStore()
  const ledger = ledgerIn(store)
  for (let index = 0; index < 1300; index++) ledger.record(entry(`r${index}`))
  expect(ledger.state()).toEqual({ held: 1300, lost: 0 })
  await ledger.close()
  expect(ledger.state()).toEqual({ held: 0, lost: 0 })
  expect(db.prepare('select count(*) as n from requests').get()).toEqual({ n: 1300 })
})

test('however many flush at once, every row is written', async () => {
  const { store, db } = await openedStore()
  const ledger = ledgerIn(store)
  const flushes: Promise<void>[] = []
  for (let index = 0; index < 400; index++) {
    ledger.record(entry(`r${index}`))
    if (index % 10 === 0) flushes.push(ledger.flush(), ledger.flush())
    if (index % 10 === 5) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(flushes)
  await ledger.close()
  expect(db.prepare('select count(*) as n from requests').get()).toEqual({ n: 400 })
})

test('while nothing can be written the newest 20,000 rows are held, and the others counted', async () => {
  const store = await openStore(temporaryFolder())
  const troubles: unknown[] = []
  const ledger = ledgerIn(store, troubles)
  await store.close()
  for (let index = 0; index < 20_150; index++) ledger.record(entry(`r${index}`, {}, { body: '{}' }))
  await ledger.flush()
  expect(ledger.state()).toMatchObject({ trouble: expect.any(String), held: 20_000, lost: 150 })
  expect(troubles).toHaveLength(1)
  await ledger.close()
})

test('a body is described as long as it is not too long and not too many wait', async () => {
  const { store } = await openedStore()
  const ledger = ledgerIn(store)
  const body = (characters: number) => JSON.stringify({ messages: ['x'.repeat(characters)] })
  ledger.record(entry('too long', {}, { body: body(4_000_000) }))
  for (let index = 0; index < 6; index++) ledger.record(entry(`r${index}`, {}, { body: body(3_000_000) }))
  await ledger.close()
  const described = (await store.ledger.latest(10)).filter(({ exact_key: key }) => key !== null).map(({ id }) => id)
  expect(described).toEqual(['r4', 'r3', 'r2', 'r1', 'r0'])
})
