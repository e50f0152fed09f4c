import { expect, onTestFinished, test } from 'vitest'
import { startUpstream, type UpstreamAnswer } from '../../../test/upstream-fixture.ts'
import { BudgetNotices, type BudgetNotice } from './notices.ts'

const period = { start: Date.UTC(2026, 10, 1), end: Date.UTC(2026, 11, 1) }
const notice: BudgetNotice = {
  event: 'budget.soft',
  kind: 'key',
  id: 'k1',
  window: 'month',
  usd: 20,
  soft: 15,
  spent: 15.02,
  period,
}

async function started(answers: readonly (UpstreamAnswer | Promise<UpstreamAnswer>)[]) {
  const left = [...answers]
  const hook = await startUpstream(() => left.shift() ?? { status: 204 })
  const trouble: unknown[] = []
  const notices = new BudgetNotices(`${hook.url}/told`, (error) => trouble.push(error))
  onTestFinished(() => notices.close())
  return { hook, notices, trouble }
}

test('a notice is sent once a period, whatever else is told', async () => {
  const { hook, notices } = await started([])
  for (let index = 0; index < 5; index++) notices.tell({ ...notice, spent: 16 + index })
  notices.tell({ ...notice, event: 'budget.hard' })
  notices.tell({ ...notice, period: { start: period.end, end: period.end + 1 } })
  await expect.poll(() => hook.asked.length).toBe(3)
  expect(hook.asked.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { event: 'budget.soft', spent: 16, period: { start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z' } },
    { event: 'budget.hard' },
    { event: 'budget.soft', period: { start: '2026-12-01T00:00:00.000Z' } },
  ])
})

test('it is tried again where the webhook fails, and a redirect is a failure that leads nowhere', async () => {
  const elsewhere = await startUpstream(() => ({ status: 204 }))
  const { hook, notices, trouble } = await started([{ status: 307, headers: { location: `${elsewhere.url}/secret` } }])
  notices.tell(notice)
  await expect.poll(() => hook.asked.length, { timeout: 10_000 }).toBe(2)
  expect(hook.asked.map(({ path }) => path)).toEqual(['/told', '/told'])
  expect(elsewhere.asked).toEqual([])
  expect(trouble).toEqual([])
})

test('more than can wait are dropped and complained about; closing waits for none of them', async () => {
  const { hook, notices, trouble } = await started([new Promise<UpstreamAnswer>(() => {})])
  for (let index = 0; index < 150; index++) notices.tell({ ...notice, id: `k${index}` })
  await expect.poll(() => hook.asked.length).toBe(1)
  // One is on its way, a hundred wait.
  expect(trouble).toHaveLength(49)
  await notices.close()
  expect(hook.asked).toHaveLength(1)
})
