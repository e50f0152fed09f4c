// `kill -9` of the whole process under load. INFERLOOM_TEST_KILLS=20 does it twenty times.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { temporaryFolder, until } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'
import { output, start } from './command-fixture.ts'

const kills = Number(process.env['INFERLOOM_TEST_KILLS'] ?? 3)
const atOnce = 16
/** What a crash may cost at most. */
const mostLostMs = 1000

interface Answered {
  readonly id: string
  /** `performance.now()` when its answer was complete. */
  readonly at: number
}

test(`killed ${kills} times under load: no row is lost that is older than a second, and none is there twice`, async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 2 }
  const choices = [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }]
  const upstream = await startUpstream(() =>
    json({ id: '1', object: 'chat.completion', created: 1, model: 'm', choices, usage }),
  )
  const folder = temporaryFolder()
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' }
  writeFileSync(join(folder, 'inferloom.yaml'), JSON.stringify({ builtin: false, providers: { up } }))
  const body = JSON.stringify({ model: 'up/m', messages: [{ role: 'user', content: 'hello' }] })
  const safe: Answered[] = []
  for (let round = 0; round < kills; round++) {
    const child = start(['serve'], { folder })
    const shown = output(child)
    await until('it listens', () => shown().includes('listens on'))
    const url = /listens on (\S+)/.exec(shown())?.[1] ?? ''
    const answered: Answered[] = []
    const ask = async () => {
      while (child.exitCode === null && child.signalCode === null) {
        try {
          const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
          await response.arrayBuffer()
          answered.push({ id: response.headers.get('x-request-id') ?? '', at: performance.now() })
        } catch {
          return
        }
      }
    }
    const clients = Array.from({ length: atOnce }, ask)
    await delay(1200 + Math.random() * 800)
    const killedAt = performance.now()
    child.kill('SIGKILL')
    await once(child, 'close')
    await Promise.all(clients)
    safe.push(...answered.filter(({ at }) => at < killedAt - mostLostMs))
    const db = new DatabaseSync(join(folder, 'home', 'inferloom.db'))
    try {
      expect(db.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
      const ids = (db.prepare('select id from requests').all() as { id: string }[]).map(({ id }) => id)
      const kept = new Set(ids)
      expect(kept.size).toBe(ids.length)
      expect(safe.filter(({ id }) => !kept.has(id))).toEqual([])
      // Sums are written with the rows they are about, or not at all.
      for (const table of ['usage_minutes', 'usage_hours', 'usage_days']) {
        const sums = db.prepare(`select sum(requests) as requests, sum(output_tokens) as tokens from ${table}`).get()
        expect(sums).toEqual({ requests: ids.length, tokens: 2 * ids.length })
      }
      expect(db.prepare('select rows from ledger_totals').get()).toEqual({ rows: ids.length })
      expect(db.prepare('select count(*) as n from attempts').get()).toEqual({ n: ids.length })
    } finally {
      db.close()
    }
  }
  expect(safe.length).toBeGreaterThan(0)
}, 600_000)
