import { fileURLToPath } from 'node:url'
import { startChild } from '../children.ts'

/** What the load client sends, one request after another on each connection, for so long or so often. */
export interface Load {
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly connections: number
  readonly seconds?: number
  readonly requests?: number
}

export interface LoadResult {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  /** Of the answers' bodies. */
  readonly bytes: number
  /** Milliseconds to the end of the answer. */
  readonly p50: number
  readonly p99: number
}

/** Sends load from a process of its own. Throws where a request failed: a gateway that refuses is fast. */
export async function send(load: Load): Promise<LoadResult> {
  const script = fileURLToPath(new URL('load-process.ts', import.meta.url))
  const child = startChild(process.execPath, [script, JSON.stringify(load)], process.env)
  const [line] = await child.firstMatch(/^\{.*\}$/m)
  await child.stop()
  const result = JSON.parse(line) as LoadResult
  if (result.failed > 0)
    throw new Error(`${result.failed} of ${result.failed + result.requests} requests to ${load.url} failed`)
  return result
}
