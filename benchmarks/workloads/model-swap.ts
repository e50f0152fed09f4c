import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inferloom } from '../arms/inferloom.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import type { Bar, Workload } from '../workload.ts'

const requests = 200
const outputTokens = 8
/** A model of 82 million parameters takes 300 MB with its cache and its process. */
const memoryForOne = { INFERLOOM_MEMORY_GB: '0.45', INFERLOOM_BUILTIN: 'false' }

/** Two models in turns, with memory for one of them. */
export const modelSwap: Workload = {
  name: 'swap',
  async run({ file, threads, quick, progress }) {
    const folder = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
    for (const name of ['a', 'b']) copyFileSync(file, join(folder, `${name}.gguf`))
    const rows: string[][] = []
    const bars: Bar[] = []
    try {
      for (const clients of quick ? [requests] : [requests, 8]) {
        const how = clients === requests ? 'all at once' : `${clients} clients`
        progress(`swap: ${requests} requests, ${how}`)
        const server = await inferloom.start({
          threads: Math.max(...threads),
          parallel: 4,
          contextTokens: 1024,
          env: { ...memoryForOne, INFERLOOM_STORE_FOLDERS: folder },
        })
        try {
          const { refused, seconds, longestSeconds } = await inTurns(server, clients)
          const swaps = await swapsOf(server)
          const shown = [seconds, longestSeconds].map((each) => each.toFixed(1))
          rows.push([how, ...shown, String(swaps), String(refused)])
          bars.push({ what: `swap: exchanges, ${how}`, value: swaps, unit: '', atMost: 20 })
          bars.push({ what: `swap: refused, ${how}`, value: refused, unit: '', atMost: 0 })
        } finally {
          await server.stop()
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    return [
      {
        title: `Two models, memory for one, ${requests} requests in turns`,
        columns: ['', 'seconds', 'longest request, s', 'exchanges', 'refused'],
        rows,
        bars,
        notes: [`Copies of the random model, ${outputTokens} output tokens each.`],
      },
    ]
  },
}

async function inTurns(server: RunningServer, clients: number) {
  const left = Array.from({ length: requests }, (_, index) => index)
  const began = performance.now()
  let refused = 0
  let longest = 0
  const client = async () => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) {
      const sent = performance.now()
      const messages = [{ role: 'user' as const, content: messageOf(40, index) }]
      const body = { model: index % 2 === 0 ? 'a' : 'b', messages, max_tokens: outputTokens }
      await server.client.chat.completions.create(body).catch(() => refused++)
      longest = Math.max(longest, performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { refused, seconds: (performance.now() - began) / 1000, longestSeconds: longest / 1000 }
}

async function swapsOf(server: RunningServer): Promise<number> {
  const report = (await (await fetch(`${server.url}/admin/engine`, { headers: server.adminHeaders ?? {} })).json()) as {
    pool: { swaps: number }
  }
  return report.pool.swaps
}
