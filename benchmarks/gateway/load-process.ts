// A load client on undici's bare callbacks, so that the client costs as little as it can. Run as a process of its own;
// the argument is a `Load` as JSON, the last line of stdout a `LoadResult`.
import { Pool, type Dispatcher } from 'undici'
import type { Load, LoadResult } from './load.ts'

const { url, path, headers, body, connections, seconds, requests } = JSON.parse(process.argv[2] ?? '') as Load
const pool = new Pool(url, { connections, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 })
const latencies: number[] = []
let bytes = 0
let failed = 0
let started = 0

class Answer implements Dispatcher.DispatchHandler {
  readonly #done: () => void
  readonly #beganAt = performance.now()
  #status = 0

  constructor(done: () => void) {
    this.#done = done
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    bytes += chunk.length
  }

  onResponseEnd(): void {
    if (this.#status === 200) latencies.push(performance.now() - this.#beganAt)
    else failed++
    this.#done()
  }

  onResponseError(): void {
    failed++
    this.#done()
  }
}

const ask = () =>
  new Promise<void>((resolve) => {
    pool.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
      new Answer(resolve),
    )
  })

const began = performance.now()
const until = seconds === undefined ? Infinity : began + seconds * 1000
await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < until && started < (requests ?? Infinity)) {
      started++
      await ask()
    }
  }),
)
const took = (performance.now() - began) / 1000
latencies.sort((a, b) => a - b)
const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
const result: LoadResult = { requests: latencies.length, failed, seconds: took, bytes, p50: at(0.5), p99: at(0.99) }
process.stdout.write(`${JSON.stringify(result)}\n`)
await pool.close()
// Whoever started it has read the result when it ends it.
setTimeout(() => {}, 60_000)
