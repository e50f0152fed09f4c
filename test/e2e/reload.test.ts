import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { question, startTestServer, temporaryFolder } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const whole = json({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
})

async function started() {
  const upstream = await startUpstream(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return whole
  })
  const file = join(temporaryFolder(), 'inferloom.yaml')
  const provider = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const write = (settings: object) =>
    writeFileSync(file, JSON.stringify({ builtin: false, providers: { a: provider, b: provider }, ...settings }))
  write({ routes: { r: { candidates: ['a/m'] } } })
  const server = await startTestServer({}, file)
  onTestFinished(() => server.close())
  const routed = async () => {
    const answer = await server.post(chat, { model: 'r', messages: question })
    return { status: answer.status, route: answer.headers.get('x-inferloom-route') }
  }
  return { file, write, server, routed }
}

test('routes that are written to the file count from the next request on, and none is lost meanwhile', async () => {
  const { write, routed } = await started()
  expect((await routed()).route).toContain('a/m')
  const going = { on: true }
  const seen: Awaited<ReturnType<typeof routed>>[] = []
  const clients = Array.from({ length: 8 }, async () => {
    while (going.on) seen.push(await routed())
  })
  write({ routes: { r: { candidates: ['b/m'] } } })
  await expect.poll(() => seen.at(-1)?.route, { timeout: 10_000 }).toContain('b/m')
  going.on = false
  await Promise.all(clients)
  expect(seen.every(({ status }) => status === 200)).toBe(true)
})

test('a file that is wrong changes nothing, and says so until it is right again', async () => {
  const { file, write, server, routed } = await started()
  const reload = async () => {
    const answer = await server.post('/admin/reload', {})
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  for (const [text, complaint] of [
    ['routes: { r: { candidates: [nobody/m] } }', "There is no model 'nobody/m'"],
    ['routes: { r: { objective: luckiest } }', 'routes.r'],
    ['routes: [', 'is not YAML'],
  ] as const) {
    writeFileSync(file, text)
    const { status, body } = await reload()
    expect(status).toBe(500)
    expect(JSON.stringify(body)).toContain(complaint)
    expect((await routed()).route).toContain('a/m')
    const ready = (await (await server.get('/ready')).json()) as { degraded?: { part: string; reason: string }[] }
    expect(ready.degraded?.[0]).toMatchObject({ part: 'settings' })
  }
  write({ routes: { r: { candidates: ['b/m'] } }, server: { bodyLimitMB: 3 } })
  expect((await reload()).body).toEqual({ applied: ['routes'], afterRestart: ['server'] })
  expect((await routed()).route).toContain('b/m')
  expect(await (await server.get('/ready')).json()).toEqual({ status: 'ready' })
})
