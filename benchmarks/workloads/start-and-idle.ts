import { setTimeout as delay } from 'node:timers/promises'
import { inferloom } from '../arms/inferloom.ts'
import { residentMegabytes } from '../resident-memory.ts'
import { median } from '../statistics.ts'
import { streamAnswer } from '../streamed-request.ts'
import type { Bar, Workload } from '../workload.ts'

/** From starting the command to the built-in model's first token, and what the gateway then holds while nothing happens. */
export const startAndIdle: Workload = {
  name: 'start',
  async run({ repetitions, progress }) {
    const seconds: number[] = []
    const megabytes: number[] = []
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      progress(`start: ${repetition} of ${repetitions}, idle for 5 s`)
      const server = await inferloom.start({ threads: 1, parallel: 16, contextTokens: 512 })
      try {
        await new Promise<void>((resolve, reject) => {
          const options = { onText: resolve }
          const body = { messages: [{ role: 'user' as const, content: 'What is inference?' }] }
          streamAnswer(server, body, options).then(() => resolve(), reject)
        })
        seconds.push((performance.now() - server.since) / 1000)
        await delay(5000)
        const resident = residentMegabytes(server.pid)
        if (resident !== undefined) megabytes.push(resident)
      } finally {
        await server.stop()
      }
    }
    const rows = [['start to first token of the built-in model', `${median(seconds).toFixed(2)} s`]]
    const bars: Bar[] = [{ what: 'start to first token', value: median(seconds), unit: 's', atMost: 2 }]
    if (megabytes.length > 0) {
      rows.push(['memory of the gateway process, idle for 5 s', `${median(megabytes).toFixed(0)} MB`])
      bars.push({ what: 'idle gateway', value: median(megabytes), unit: 'MB', atMost: 120 })
    }
    return [{ title: 'Start and idle', columns: ['', 'median'], rows, bars }]
  },
}
