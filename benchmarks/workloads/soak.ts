import { setTimeout as delay } from 'node:timers/promises'
import { inferloom } from '../arms/inferloom.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { residentMegabytes } from '../resident-memory.ts'
import { pick, seededRandom } from '../seeded-random.ts'
import { median } from '../statistics.ts'
import type { Bar, Workload } from '../workload.ts'

const clients = 12
const parallel = 8
/** Small, so that it is full long before the first sample: what is kept on purpose is no leak. */
const env = { INFERLOOM_PREFIX_CACHE_MB: '8' }
const samples = 8

type Outcome = 'ended' | 'cancelled' | 'refused' | 'failed'

/** Requests of all kinds that join, leave and fail at random, for minutes: nothing may grow, nothing may be left over. */
export const soak: Workload = {
  name: 'soak',
  onlyWhenNamed: true,
  async run({ threads, minutes, progress }) {
    const server = await inferloom.start({ threads: Math.min(...threads), parallel, contextTokens: 1024, env })
    try {
      const outcomes = new Map<Outcome, number>()
      const end = performance.now() + minutes * 60_000
      const running = Array.from({ length: clients }, (_, seed) => client(server, { seed, end, outcomes }))
      const firstAt = Math.min(1, minutes / 2)
      progress(`soak: ${clients} clients for ${minutes} minutes`)
      await delay(firstAt * 60_000)
      const before = await memory(server)
      await delay(Math.max(0, end - performance.now() - samples * 1000))
      const after = await memory(server)
      await Promise.all(running)
      const left = await settled(server)
      const count = (outcome: Outcome) => outcomes.get(outcome) ?? 0
      const growth = (name: 'gateway' | 'engine') => (after[name] / before[name] - 1) * 100
      const bars: Bar[] = [
        { what: 'soak: growth of the gateway', value: growth('gateway'), unit: '%', atMost: 5 },
        { what: 'soak: growth of the engine', value: growth('engine'), unit: '%', atMost: 5 },
        { what: 'soak: slots free at the end', value: left.freeSlots, unit: '', atLeast: parallel },
        { what: 'soak: requests left over', value: left.outstanding, unit: '', atMost: 0 },
        { what: 'soak: failed against expectation', value: count('failed'), unit: '', atMost: 0 },
      ]
      return [
        {
          title: `${clients} clients for ${minutes} minutes`,
          columns: ['', `after ${firstAt} min`, 'at the end', 'growth'],
          rows: (['gateway', 'engine'] as const).map((name) => [
            name,
            `${before[name].toFixed(1)} MB`,
            `${after[name].toFixed(1)} MB`,
            `${growth(name).toFixed(1)} %`,
          ]),
          bars,
          notes: [
            `Ended ${count('ended')}, cancelled half-way ${count('cancelled')}, refused as they had to be ` +
              `${count('refused')}, failed ${count('failed')}. Built-in model, ${parallel} slots; resident memory, ` +
              `median of ${samples} samples in as many seconds under load.`,
          ],
        },
      ]
    } finally {
      await server.stop()
    }
  },
}

interface Task {
  readonly seed: number
  readonly end: number
  readonly outcomes: Map<Outcome, number>
}

async function client(server: RunningServer, { seed, end, outcomes }: Task): Promise<void> {
  const random = seededRandom(seed + 1)
  while (performance.now() < end) {
    const outcome = await pick(random, deeds)(server, random)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    await delay(random() * 200)
  }
}

type Deed = (server: RunningServer, random: () => number) => Promise<Outcome>

const question = (random: () => number) => ({
  messages: [{ role: 'user' as const, content: `${'What is inference? '.repeat(1 + random() * 20)}${random()}` }],
  max_tokens: 1 + Math.floor(random() * 120),
})

const ends: Deed = (server, random) =>
  server.client.chat.completions.create({ model: server.model, ...question(random) }).then(
    () => 'ended',
    () => 'failed',
  )

const severalAtOnce: Deed = (server, random) =>
  server.client.chat.completions.create({ model: server.model, n: 2, logprobs: true, ...question(random) }).then(
    () => 'ended',
    () => 'failed',
  )

const meetsSchema: Deed = (server, random) => {
  const schema = { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'] }
  const format = { type: 'json_schema' as const, json_schema: { name: 'answer', strict: true, schema } }
  const body = { model: server.model, ...question(random), response_format: format }
  return server.client.chat.completions.create(body).then(
    () => 'ended',
    () => 'failed',
  )
}

const leaves: Deed = async (server, random) => {
  const controller = new AbortController()
  const after = Math.floor(random() * 10)
  try {
    const body = { model: server.model, ...question(random), stream: true as const }
    const stream = await server.client.chat.completions.create(body, { signal: controller.signal })
    let chunks = 0
    for await (const _ of stream) if (++chunks > after) controller.abort()
    return chunks > after ? 'cancelled' : 'ended'
  } catch {
    return controller.signal.aborted ? 'cancelled' : 'failed'
  }
}

const leavesAtOnce: Deed = async (server, random) => {
  const signal = AbortSignal.timeout(1 + Math.floor(random() * 30))
  try {
    await server.client.chat.completions.create({ model: server.model, ...question(random) }, { signal })
    return 'ended'
  } catch {
    return signal.aborted ? 'cancelled' : 'failed'
  }
}

/** Each is refused with a status of its own, for a fault of the client. */
const faults = [
  { model: 'nobody' },
  { temperature: 99 },
  { messages: [] },
  { messages: [{ role: 'user', content: 'too long '.repeat(2000) }] },
  { grammar: 'root ::= (' },
]

const isWrong: Deed = async (server, random) => {
  const body = JSON.stringify({ model: server.model, ...question(random), ...pick(random, faults) })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body })
  await response.text()
  return response.status >= 400 && response.status < 500 ? 'refused' : 'failed'
}

const deeds: readonly Deed[] = [ends, ends, severalAtOnce, meetsSchema, leaves, leaves, leavesAtOnce, isWrong]

interface EngineRow {
  readonly model: string
  readonly pid: number
  readonly outstanding: number
  readonly stats?: { readonly freeSlots: number; readonly running: number }
}

async function engineOf(server: RunningServer): Promise<EngineRow> {
  const { data } = (await (
    await fetch(`${server.url}/admin/engine`, { headers: server.adminHeaders ?? {} })
  ).json()) as { data: EngineRow[] }
  const row = data.find(({ model }) => model === server.model)
  if (!row) throw new Error(`/admin/engine tells nothing of ${server.model}`)
  return row
}

async function memory(server: RunningServer): Promise<{ gateway: number; engine: number }> {
  const { pid } = await engineOf(server)
  const seen: { gateway: number; engine: number }[] = []
  for (let sample = 0; sample < samples; sample++) {
    seen.push({ gateway: residentMegabytes(server.pid) ?? NaN, engine: residentMegabytes(pid) ?? NaN })
    await delay(1000)
  }
  return { gateway: median(seen.map(({ gateway }) => gateway)), engine: median(seen.map(({ engine }) => engine)) }
}

/** What the engine still holds once nobody asks for anything: for ten seconds it may be settling. */
async function settled(server: RunningServer): Promise<{ freeSlots: number; outstanding: number }> {
  for (let tries = 0; ; tries++) {
    const { outstanding, stats } = await engineOf(server)
    const freeSlots = stats?.freeSlots ?? 0
    if (tries === 100 || (freeSlots === parallel && outstanding === 0)) return { freeSlots, outstanding }
    await delay(100)
  }
}
