import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calcPrice } from '@pydantic/genai-prices'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/server-fixture.ts'
import { json, openUpstream, type UpstreamAnswer } from '../../test/upstream-fixture.ts'
import { PriceUpdates } from './price-updates.ts'

let home = ''
let asked = 0
let answer: UpstreamAnswer = json([])
let upstream: Awaited<ReturnType<typeof openUpstream>>
const troubles: unknown[] = []
let changes = 0

beforeEach(async () => {
  home = temporaryFolder()
  asked = 0
  changes = 0
  troubles.length = 0
  upstream = await openUpstream(() => {
    asked++
    return answer
  })
})
afterEach(() => upstream.close())

/** A list in which every input token costs so many dollars a million. */
function listAt(input: number): object[] {
  return Array.from({ length: 10 }, (_, index) => ({
    id: `p${index}`,
    name: 'P',
    api_pattern: '^$',
    models: [{ id: 'm', match: { equals: 'm' }, prices: { input_mtok: input, output_mtok: 1 } }],
  }))
}

async function updated(): Promise<void> {
  const updates = new PriceUpdates({
    home,
    url: `${upstream.url}/data.json`,
    onChange: () => changes++,
    onTrouble: (error) => troubles.push(error),
  })
  await updates.start()
  await updates.close()
}

function price(): number | undefined {
  return calcPrice({ input_tokens: 1_000_000 }, 'm', { providerId: 'p3' })?.total_price
}

test('a list is fetched, used and kept; while it is young the kept one does', async () => {
  answer = json(listAt(7))
  await updated()
  expect([price(), asked, changes]).toEqual([7, 1, 1])
  expect(JSON.parse(await readFile(join(home, 'prices.json'), 'utf8'))).toEqual(listAt(7))
  answer = json(listAt(8))
  await updated()
  expect([price(), asked, changes]).toEqual([7, 1, 2])
  const old = new Date(Date.now() - 25 * 3600 * 1000)
  await utimes(join(home, 'prices.json'), old, old)
  await updated()
  expect([price(), asked]).toEqual([8, 2])
})

test.for([
  ['no JSON', { ...json({}), body: '<html>' }],
  ['another form', json({ providers: [] })],
  ['prices below nothing', json(listAt(-1))],
  ['too few providers', json(listAt(1).slice(0, 2))],
  ['an error', json({ error: 'gone' }, 404)],
] as const)('%s changes nothing and is told', async ([, wrong]) => {
  answer = json(listAt(9))
  await updated()
  await writeFile(join(home, 'prices.json'), 'spoilt')
  const old = new Date(0)
  await utimes(join(home, 'prices.json'), old, old)
  answer = wrong
  await updated()
  expect(price()).toBe(9)
  // The spoilt copy, and what was fetched.
  expect(troubles).toHaveLength(2)
})
