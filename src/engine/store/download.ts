import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { InferloomError } from '../../canonical/errors.ts'
import { checkSpace, writeError } from './disk-space.ts'
import { fetchFollowing, reasonOf } from './fetch-following.ts'
import { hubError, sha256In, type Hub } from './hub.ts'
import { deletePart, PartFile } from './part-file.ts'

export interface RetryOptions {
  /** Failures in a row, without a megabyte between them, after which it is given up. */
  readonly retries: number
  /** The first pause; each one after it is twice as long. */
  readonly pauseMs: number
  /** A server that sends nothing for longer is taken for gone. */
  readonly idleMs: number
}

export const defaultRetry: RetryOptions = { retries: 5, pauseMs: 500, idleMs: 60_000 }
const longestPauseMs = 30_000

export interface Download {
  readonly url: URL
  /** Where it is to be in the end; until then it is `file.part`. */
  readonly file: string
  /** What messages call it. */
  readonly label: string
  readonly size: number | undefined
  readonly sha256: string | undefined
}

export interface DownloadOptions {
  readonly hub: Hub
  readonly signal: AbortSignal
  readonly retry: RetryOptions
  /** Bytes of this file that are here, and how many it has if that is known. */
  readonly onProgress: (received: number, size: number | undefined) => void
  readonly onRetry: (reason: string, pauseMs: number) => void
}

/**
 * Downloads into `file.part`, going on where an earlier attempt stopped, and verifies size and checksum.
 * Returns the checksum. What came is kept on every error but a wrong checksum or size.
 */
export async function download(wanted: Download, options: DownloadOptions): Promise<string> {
  const path = `${wanted.file}.part`
  // The query of an address may hold a signature, which is secret, and is another one each time.
  const source = { url: wanted.url.origin + wanted.url.pathname, size: wanted.size, sha256: wanted.sha256 }
  let part: PartFile | undefined
  try {
    part = await PartFile.open(path, source, options.signal)
    const opened = part
    const { size, sha256 } = await retrying(
      options,
      () => opened.received,
      () => attempt(wanted, opened, options),
    )
    await opened.sync()
    const actual = opened.sha256()
    if ((size !== undefined && opened.received !== size) || (sha256 !== undefined && sha256 !== actual)) {
      await deletePart(path)
      throw new InferloomError(
        'pull_corrupt',
        `${wanted.label} came damaged: ${opened.received} bytes with the sha256 ${actual}, where ${size ?? 'some'} with ` +
          `${sha256 ?? 'any'} were promised. It was deleted. Remedy: pull again; if it happens again, the source is at fault.`,
      )
    }
    return actual
  } catch (error) {
    throw writeError(error, path) ?? error
  } finally {
    await part?.close()
  }
}

interface Promised {
  readonly size: number | undefined
  readonly sha256: string | undefined
}

async function attempt(wanted: Download, part: PartFile, options: DownloadOptions): Promise<Promised> {
  const { hub, retry, onProgress } = options
  onProgress(part.received, wanted.size)
  if (wanted.size !== undefined && part.received === wanted.size) return wanted
  const idle = new AbortController()
  const timer = setTimeout(() => idle.abort(), retry.idleMs)
  const signal = AbortSignal.any([options.signal, idle.signal])
  try {
    const range = part.received > 0 && { range: `bytes=${part.received}-` }
    // A weak ETag may stand for other bytes, so If-Range takes none: RFC 9110, 13.1.5.
    const ifRange = range && part.etag?.startsWith('"') && { 'if-range': part.etag }
    const { response, url, linkedEtag } = await fetchFollowing(wanted.url, {
      ...hub,
      signal,
      headers: { ...range, ...ifRange },
    })
    if (!response.ok) await refuse(response, url, wanted, part, hub)
    const size = await sizeFrom(response, wanted, part)
    const etag = response.headers.get('etag') ?? undefined
    if (etag !== part.etag) await part.record(etag)
    await checkSpace(dirname(part.path), (size ?? 0) - part.received)
    for await (const chunk of response.body ?? []) {
      timer.refresh()
      const bytes = chunk as Uint8Array
      if (size !== undefined && part.received + bytes.length > size) {
        await deletePart(part.path)
        throw new InferloomError(
          'pull_corrupt',
          `${url.host} sends more of ${wanted.label} than the ${size} bytes it has.`,
        )
      }
      await part.append(bytes)
      onProgress(part.received, size)
    }
    if (size !== undefined && part.received < size) throw cut(wanted, part, 'the connection ended early')
    return { size, sha256: wanted.sha256 ?? sha256In(linkedEtag) }
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    if (idle.signal.aborted) throw cut(wanted, part, `nothing came for ${retry.idleMs / 1000} s`)
    const written = writeError(error, part.path)
    if (written || error instanceof InferloomError) throw written ?? error
    throw cut(wanted, part, reasonOf(error))
  } finally {
    clearTimeout(timer)
  }
}

async function refuse(response: Response, url: URL, wanted: Download, part: PartFile, hub: Hub): Promise<never> {
  if (response.status === 416) {
    await part.restart()
    throw cut(wanted, part, 'the server has fewer bytes than are here')
  }
  if (url.origin === hub.endpoint.origin) throw await hubError(response, wanted.label, hub.token !== undefined)
  await response.body?.cancel()
  const answered = `${url.host} answered ${response.status} for ${wanted.label}`
  if (response.status === 404 || response.status === 410) throw new InferloomError('model_not_found', `${answered}.`)
  if (url.origin === wanted.url.origin && (response.status === 401 || response.status === 403)) {
    throw new InferloomError(
      'model_gated',
      `${answered}. Remedy: fetch it by hand and put it into a folder of store.folders.`,
    )
  }
  // A store's signed address expires: the hub gives a new one at the next attempt.
  throw cut(wanted, part, `${url.host} answered ${response.status}`)
}

/** How many bytes the whole file has; what came earlier is given up where the server does not go on from there. */
async function sizeFrom(response: Response, wanted: Download, part: PartFile): Promise<number | undefined> {
  if (response.status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? []
    if (Number(start) !== part.received) {
      await part.restart()
      throw cut(wanted, part, 'the server goes on from another place')
    }
    return wanted.size ?? (total === '*' || total === undefined ? undefined : Number(total))
  }
  if (part.received > 0) await part.restart()
  const length = response.headers.get('content-length')
  if (length === null) return wanted.size
  if (wanted.size === undefined || wanted.size === Number(length)) return Number(length)
  throw new InferloomError('pull_failed', `${wanted.label} has ${length} bytes where the hub lists ${wanted.size}.`)
}

function cut({ label }: Download, { received }: PartFile, reason: string): InferloomError {
  return new InferloomError(
    'pull_failed',
    `${label} stopped after ${received.toLocaleString('en')} bytes: ${reason}. ` +
      'What came is kept. Remedy: pull again, it goes on from there.',
  )
}

/** Tries again after growing pauses what may succeed then; what has moved on since counts as a new beginning. */
export async function retrying<T>(
  { signal, retry, onRetry }: Pick<DownloadOptions, 'signal' | 'retry' | 'onRetry'>,
  progress: () => number,
  run: () => Promise<T>,
): Promise<T> {
  let failures = 0
  let before = progress()
  for (;;) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof InferloomError) || error.code !== 'pull_failed') throw error
      if (progress() - before > 1e6) failures = 0
      before = progress()
      if (++failures > retry.retries) throw error
      const pause = Math.min(retry.pauseMs * 2 ** (failures - 1), longestPauseMs)
      const asked = (error.retryAfterSeconds ?? 0) * 1000
      // Some randomness, so that many clients that were cut off together do not come back together.
      const pauseMs = Math.max(asked, Math.round(pause * (0.75 + Math.random() / 2)))
      onRetry(error.message, pauseMs)
      await delay(pauseMs, undefined, { signal })
    }
  }
}
