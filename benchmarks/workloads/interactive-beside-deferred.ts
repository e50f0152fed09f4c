import { setTimeout as delay } from 'node:timers/promises'
import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import type { RunningServer, ServerArm } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { forbidEnd } from '../random-model.ts'
import { median } from '../statistics.ts'
import { isUnsupported, streamAnswer } from '../streamed-request.ts'
import type { Extent, Workload } from '../workload.ts'

const deferred = 8
const promptTokens = 124
/** A server that has not begun to answer by then is told so in the table. */
const patienceMs = 4000
/** So many unanswered ones tell enough. */
const mostUnanswered = 2

type Tier = 'flex' | 'priority'

/** Long answers that nobody waits for are being written; once a second somebody asks who does wait. */
export const interactiveBesideDeferred: Workload = {
  name: 'interactive',
  async run(extent) {
    const most = Math.max(...extent.threads)
    const rows: string[][] = []
    for (const slots of extent.quick ? [deferred] : [2 * deferred, deferred]) {
      for (const arm of [inferloom, llamaServer]) if (!arm.missing) rows.push(await rowOf(arm, slots, most, extent))
    }
    return [
      {
        title: `An interactive request once a second beside ${deferred} deferred decodes, ${most} threads: TTFT, median ms`,
        columns: ['', 'slots', 'alone', 'beside them', 'ratio', 'each beside them'],
        rows,
        bars: [],
        notes: [
          `Prompts of ${promptTokens} tokens. Deferred requests say service_tier "flex", interactive ones "priority".`,
        ],
      },
    ]
  },
}

async function rowOf(arm: ServerArm, slots: number, threads: number, extent: Extent): Promise<string[]> {
  const samples = extent.quick ? 3 : 6
  extent.progress(`interactive: ${arm.name} with ${slots} slots`)
  const server = await arm.start({ file: extent.file, threads, parallel: slots, contextTokens: 4096 })
  const over = new AbortController()
  try {
    const alone: number[] = []
    for (let index = 0; index < 4; index++) alone.push(await firstToken(server, 100 + index))
    const decodes = Array.from({ length: deferred }, (_, index) => keepDecoding(server, index, over.signal))
    await Promise.all(decodes.map(({ begun }) => begun))
    const beside: number[] = []
    for (let index = 0; index < samples; index++) {
      const [milliseconds] = await Promise.all([firstToken(server, 200 + index), delay(1000)])
      beside.push(milliseconds)
      if (beside.filter((each) => each === Infinity).length === mostUnanswered) break
    }
    // The first one alone also pays for what the server does once.
    const own = median(alone.slice(1))
    const between = median(beside)
    const ratio = between === Infinity ? `> ${(patienceMs / own).toFixed(1)}` : (between / own).toFixed(1)
    return [
      arm.name,
      String(slots),
      milliseconds(own),
      milliseconds(between),
      ratio,
      beside.map(milliseconds).join(', '),
    ]
  } catch (error) {
    if (!isUnsupported(error)) throw error
    return [arm.name, String(slots), 'not supported', '', '', '']
  } finally {
    over.abort()
    await server.stop()
  }
}

function milliseconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0) : `> ${patienceMs}`
}

function bodyOf(tier: Tier, seed: number, maxTokens: number) {
  return {
    messages: [{ role: 'user' as const, content: messageOf(promptTokens, seed) }],
    max_tokens: maxTokens,
    logit_bias: forbidEnd,
    service_tier: tier,
  }
}

async function firstToken(server: RunningServer, seed: number): Promise<number> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    return (await streamAnswer(server, bodyOf('priority', seed, 8), { signal })).firstTokenMs
  } catch (error) {
    if (signal.aborted) return Infinity
    throw error
  }
}

/** Writes one long answer after the other until it is told to stop. */
function keepDecoding(server: RunningServer, seed: number, signal: AbortSignal) {
  const begun = Promise.withResolvers<void>()
  const write = async () => {
    while (!signal.aborted) await streamAnswer(server, bodyOf('flex', seed, 3000), { signal, onText: begun.resolve })
  }
  write().catch(begun.reject)
  return { begun: begun.promise }
}
