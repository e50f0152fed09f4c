// Loads as they are really sent, to a server on bare HTTP that says what it saw.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Outcome } from './outcome.ts'
import { runStage } from './run-stage.ts'
import { seededRandom } from './seeded-random.ts'
import type { Drive, StageSpec } from './stage.ts'
import { Target } from './target.ts'
import { wireOf } from './wires/wires.ts'

const answerText =
  `data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n` +
  `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n` +
  `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\ndata: [DONE]\n\n`

interface Mock {
  readonly target: Target
  readonly seen: { most: number; now: number; count: number; connections: number }
}

async function mock(answer: (response: ServerResponse, number: number) => unknown, timeoutMs = 20_000): Promise<Mock> {
  const seen = { most: 0, now: 0, count: 0, connections: 0 }
  const server = createServer((request, response) => {
    seen.now++
    seen.most = Math.max(seen.most, seen.now)
    response.on('close', () => seen.now--)
    request.resume().on('end', () => answer(response, seen.count++))
  })
  server.on('connection', () => seen.connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const target = new Target({ url, wire: wireOf('openai-chat'), model: 'm', timeoutMs })
  onTestFinished(async () => {
    await target.close()
    server.closeAllConnections()
    server.close()
  })
  return { target, seen }
}

const answer = (response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answerText)

function spec(drive: Drive, more: Partial<StageSpec> = {}): StageSpec {
  const next = () => ({ messages: [{ role: 'user' as const, content: 'hello' }], maxTokens: 5, keepWriting: false })
  const bounds = { durationMs: 30_000, requests: 1e6, warmupMs: 0, cooldownMs: 0, mostInFlight: 1000, drainMs: 20_000 }
  return { name: 'stage', drive, workload: { about: 'one', next }, ...bounds, ...more }
}

const closed = (concurrency: number): Drive => ({ kind: 'closed', concurrency })
const open = (rate: number): Drive => ({ kind: 'open', arrivals: { pattern: 'fixed', rate } })
const run = (target: Target, of: StageSpec, signal = new AbortController().signal) =>
  runStage(target, of, { random: seededRandom(1), signal, onProgress: () => {} })
const errorsOf = (outcomes: readonly Outcome[]) => [...new Set(outcomes.map(({ error }) => error))]

test('a closed loop has as many under way as asked for, on as many connections, and ends with its count', async () => {
  const { target, seen } = await mock((response) => setTimeout(() => answer(response), 5))
  const { outcomes, mostInFlight, ended, sendingEndedAt } = await run(target, spec(closed(4), { requests: 60 }))
  expect([outcomes.length, seen.count, seen.most, mostInFlight, ended]).toEqual([60, 60, 4, 4, 'done'])
  expect(seen.connections).toBeLessThanOrEqual(8)
  // The last one sent is one of those that are measured.
  expect(Math.max(...outcomes.map(({ dueAt }) => dueAt))).toBeLessThanOrEqual(sendingEndedAt)
  expect(errorsOf(outcomes)).toEqual([undefined])
  expect(
    outcomes.every(({ dueAt, sentAt, firstAt = 0, endAt }) => dueAt <= sentAt && sentAt < firstAt && firstAt <= endAt),
  ).toBe(true)
})

test('a closed loop ends with its time, and what is under way then is waited for no longer than asked', async () => {
  const { target } = await mock((response, number) => number < 3 && answer(response))
  const ended = await run(target, spec(closed(1), { durationMs: 1500, drainMs: 100 }))
  expect(ended).toMatchObject({ ended: 'done', undrained: 1 })
  expect(ended.outcomes.map(({ error }) => error)).toEqual([undefined, undefined, undefined, 'unfinished'])
  // Timers come up to a millisecond early.
  expect(ended.sendingEndedAt - ended.beganAt).toBeGreaterThan(1498)
  expect(ended.sendingEndedAt - ended.beganAt).toBeLessThanOrEqual(1500.001)
})

test('an open loop goes on while nothing is answered, and counts from when each was due', async () => {
  const held: ServerResponse[] = []
  const { target, seen } = await mock((response) => {
    held.push(response)
    if (held.length === 20) for (const each of held) answer(each)
  })
  const { outcomes, beganAt } = await run(target, spec(open(200), { requests: 20 }))
  expect([outcomes.length, seen.most]).toEqual([20, 20])
  const dues = outcomes.map(({ dueAt }) => dueAt - beganAt).sort((a, b) => a - b)
  expect(dues.map(Math.round)).toEqual(Array.from({ length: 20 }, (_, index) => index * 5))
})

test('more than may be under way wait here, and their wait counts', async () => {
  const { target, seen } = await mock((response) => setTimeout(() => answer(response), 30))
  const { outcomes, heldBack } = await run(target, spec(open(2000), { requests: 30, mostInFlight: 5 }))
  expect(seen.most).toBeLessThanOrEqual(5)
  // Some come late on a busy machine, and find others answered.
  expect(heldBack).toBeGreaterThan(0)
  // The last wave is sent when five others have been answered, each 30 ms after the one before.
  expect(Math.max(...outcomes.map(({ dueAt, endAt }) => endAt - dueAt))).toBeGreaterThan(100)
})

test('a rate that cannot be sent is not slowed down in silence: what was not sent is counted', async () => {
  const { target } = await mock(answer)
  const { outcomes, unsent } = await run(target, spec(open(1_000_000), { durationMs: 200 }))
  expect(outcomes.length + unsent).toBe(200_000)
  expect(unsent).toBeGreaterThan(0)
})

test('a replay keeps its times', async () => {
  const { target } = await mock(answer)
  const times = [0, 10, 10, 60]
  const { outcomes, beganAt } = await run(target, spec({ kind: 'replay', times }))
  expect(outcomes.map(({ dueAt }) => Math.round(dueAt - beganAt)).sort((a, b) => a - b)).toEqual(times)
  expect(Math.max(...outcomes.map(({ sentAt }) => sentAt - beganAt))).toBeGreaterThanOrEqual(60)
})

test('an abort ends it at once and keeps what came', async () => {
  const controller = new AbortController()
  const { target } = await mock((response, number) => (number < 5 ? answer(response) : controller.abort()))
  const { outcomes, ended } = await run(target, spec(closed(1)), controller.signal)
  expect(ended).toBe('interrupted')
  expect(outcomes.filter(({ error }) => error === undefined)).toHaveLength(5)
  expect(outcomes.at(-1)?.error).toBe('unfinished')
})

test('a server that is gone ends the stage instead of being asked for ever', async () => {
  const url = 'http://127.0.0.1:9'
  const target = new Target({ url, wire: wireOf('openai-chat'), model: 'm', timeoutMs: 1000 })
  onTestFinished(() => target.close())
  const { outcomes, ended } = await run(target, spec(closed(20)))
  expect(ended).toBe('no answers')
  expect(errorsOf(outcomes)).toEqual(['unreachable'])
})

test('bad answers by class', async () => {
  const bad: readonly ((response: ServerResponse) => void)[] = [
    (response) => response.socket?.destroy(),
    (response) => response.writeHead(200).write(answerText.slice(0, 60), () => response.socket?.destroy()),
    (response) => response.writeHead(429).end('{"error":{"code":"rate_limited","message":"slow down"}}'),
    (response) => response.writeHead(502).end('<html>Bad gateway</html>'),
    (response) => response.writeHead(200).end('<html>Welcome</html>'),
    (response) => response.writeHead(200).end('{"choices":[{"message":{"content":"not streamed"}}]}'),
    (response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'),
    (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    (response) => response.writeHead(200).end('data: {"error":{"type":"overloaded_error"}}\n\n'),
    () => {}, // never answers
    (response) => response.writeHead(500).end('{"error":'.repeat(10_000)),
  ]
  const { target } = await mock((response, number) => bad[number]?.(response), 1500)
  const { outcomes } = await run(target, spec(closed(1), { requests: bad.length }))
  expect(outcomes.map(({ error }) => error)).toEqual([
    'reset',
    'reset',
    'http 429 rate_limited',
    'http 502',
    'not a stream of answers',
    'not a stream of answers',
    'not HTTP',
    'http 307',
    'error in the stream: overloaded_error',
    'timeout',
    'http 500',
  ])
})

test('a stream that never ends its one event is given up by its time, and holds no more than an event may', async () => {
  const { target } = await mock((response) => {
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }, 10_000)
  const { outcomes } = await run(target, spec(closed(1), { requests: 1 }))
  expect(errorsOf(outcomes)).toEqual(['unreadable stream'])
})
