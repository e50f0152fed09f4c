import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dashboardQueries } from '../dashboard-queries.ts'
import { question, startTestServer, temporaryFolder } from '../server-fixture.ts'

/** Prometheus adds them to what it reads. */
const added = new Set(['instance', 'job'])

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

test('the page about metrics has every one of them, with its kind, and no other', async () => {
  // Some are there only where their setting is; nobody listens at this address.
  const file = join(temporaryFolder(), 'inferloom.yaml')
  writeFileSync(file, JSON.stringify({ cache: { redis: 'redis://127.0.0.1:1' }, reliability: { probes: {} } }))
  const server = await startTestServer({}, file)
  try {
    const text = await (await server.get('/metrics')).text()
    const told = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
    const written = [...page.matchAll(/^\| `([\w:]+)` \| (counter|gauge|histogram) \|/gm)]
    expect(written.map(([, name, kind]) => `${name} ${kind}`).sort()).toEqual(told.sort())
  } finally {
    await server.close()
  }
})

test('whatever the dashboard asks for, a server that answered a request has', async () => {
  const server = await startTestServer()
  try {
    const asked = { model: 'loom-mini', messages: question, max_tokens: 12, stream: true } as const
    await Array.fromAsync(await server.client.chat.completions.create(asked))
    const text = await (await server.get('/metrics')).text()
    const { panels, lists } = dashboardQueries()
    expect(panels.length).toBeGreaterThan(30)
    for (const query of panels) {
      const selectors = [...query.matchAll(/([\w:]+)\{([^}]*)\}/g)]
      expect(selectors, query).not.toHaveLength(0)
      for (const [, name = '', labels = ''] of selectors) {
        const sample = text.split('\n').find((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        expect(sample, `${name} of: ${query}`).toBeDefined()
        for (const [, label = ''] of labels.matchAll(/(\w+)[=!]/g)) {
          if (!added.has(label)) expect(sample, query).toMatch(new RegExp(`[{,]${label}="`))
        }
      }
    }
    expect(lists).toHaveLength(2)
    for (const list of lists) {
      const [, name = '', label = ''] = /^label_values\(([\w:]+).*, (\w+)\)$/.exec(list) ?? []
      const sample = text.split('\n').find((line) => line.startsWith(`${name}{`))
      expect(sample, list).toBeDefined()
      if (!added.has(label)) expect(sample).toContain(`${label}="`)
    }
  } finally {
    await server.close()
  }
})
