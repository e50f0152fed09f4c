import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { InferloomError } from '../../canonical/errors.ts'
import { readSplitGguf, type Gguf } from '../gguf.ts'
import { chooseFiles } from './choose-file.ts'
import { checkSpace, writeError } from './disk-space.ts'
import { defaultRetry, download, retrying, type Download, type RetryOptions } from './download.ts'
import { checkPath, splitOf } from './file-names.ts'
import { listFiles, resolveUrl, type Hub } from './hub.ts'
import { takeLock } from './lock.ts'
import { deletePart } from './part-file.ts'
import { parseReference, type Reference } from './reference.ts'
import { recordOf, recordPath, type ModelStore, type PullRecord } from './store.ts'

interface PullProgress {
  readonly received: number
  /** Absent while the server has not said. */
  readonly total: number | undefined
}

export interface PullOptions {
  readonly hub: Hub
  readonly store: ModelStore
  /** What clients ask for; otherwise the name of the file. */
  readonly name?: string | undefined
  /** Names that are given to other models by the configuration. */
  readonly reserved: readonly string[]
  readonly signal: AbortSignal
  readonly retry?: RetryOptions
  readonly onProgress?: (progress: PullProgress) => void
  readonly onRetry?: (reason: string, pauseMs: number) => void
  /** Called when it is known what is pulled. */
  readonly onChosen?: (chosen: { files: readonly string[]; bytes: number | undefined }) => void
}

export interface Pulled {
  readonly name: string
  readonly files: readonly [string, ...string[]]
  readonly gguf: Gguf
  /** Whether the source gave a checksum to compare with. */
  readonly isVerified: boolean
  readonly wasHere: boolean
}

/**
 * Brings a model into the store: chosen on the hub, downloaded, verified, and only then put in its place.
 * Throws the error that says what is wrong; whatever came of a file that is not wrong is kept for the next attempt.
 */
export async function pull(text: string, options: PullOptions): Promise<Pulled> {
  const { hub, signal, retry = defaultRetry, onRetry = () => {}, onProgress = () => {} } = options
  const reference = parseReference(text, hub.endpoint)
  const downloads = await retrying(
    { signal, retry, onRetry },
    () => 0,
    () => wantedOf(reference, options),
  )
  const first = downloads[0]
  const name = freeName(options, first.file)
  const sizes = downloads.map(({ size }) => size ?? NaN)
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  const total = Number.isNaN(bytes) ? undefined : bytes
  options.onChosen?.({ files: downloads.map(({ file }) => basename(file)), bytes: total })
  const folder = dirname(first.file)
  const lock = locked(folder, first)
  try {
    const here = alreadyHere(downloads, name)
    if (here) return here
    if (total !== undefined) await checkSpace(folder, total - partBytes(downloads))
    const sums: string[] = []
    let before = 0
    for (const wanted of downloads) {
      const progress = (received: number, size: number | undefined) =>
        onProgress({ received: before + received, total: total ?? size })
      sums.push(await download(wanted, { hub, signal, retry, onProgress: progress, onRetry }))
      before += wanted.size ?? 0
    }
    const record: PullRecord = { name, source: sourceOf(reference, first), sha256: sums }
    const gguf = await place(downloads, record)
    const isVerified = downloads.every(({ sha256 }) => sha256 !== undefined)
    return { name, files: filesOf(downloads), gguf, isVerified, wasHere: false }
  } finally {
    lock.release()
  }
}

type Downloads = readonly [Download, ...Download[]]

async function wantedOf(reference: Reference, { hub, store, signal }: PullOptions): Promise<Downloads> {
  if (reference.kind === 'url') {
    const { url, file } = reference
    const host = url.host.replaceAll(':', '-')
    return [{ url, file: join(store.folder, host, file), label: file, size: undefined, sha256: undefined }]
  }
  const { repo } = reference
  const chosen = chooseFiles(repo, await listFiles(hub, repo, signal), reference)
  const [first, ...others] = chosen.map(({ path, size, sha256 }): Download => {
    checkPath(path)
    return {
      url: resolveUrl(hub, repo, path),
      file: join(store.folder, repo, path),
      label: `${repo}/${path}`,
      size,
      sha256,
    }
  })
  if (!first) throw new InferloomError('model_not_found', `${repo} holds no GGUF files.`)
  return [first, ...others]
}

/** The name it gets in the store. Throws `invalid_value` where another model has it. */
function freeName({ name: given, reserved, store }: PullOptions, file: string): string {
  const name = given ?? basename(splitOf(file).stem).replaceAll(/[^\w.:/@-]/g, '-')
  if (!/^[\w.:/@-]{1,200}$/.test(name)) {
    throw new InferloomError('invalid_value', `'${name.slice(0, 200)}' is no name: use letters, digits and .:/@-_`)
  }
  const other = store.find(name)
  if (!reserved.includes(name) && (other === undefined || other.files[0] === file)) return name
  const who = reserved.includes(name) ? 'the configuration' : other?.files[0]
  throw new InferloomError('invalid_value', `The name ${name} is taken by ${who}. Remedy: give another with --name.`)
}

function locked(folder: string, { file, label }: Download) {
  try {
    mkdirSync(folder, { recursive: true })
    return takeLock(`${file}.lock`, label)
  } catch (error) {
    throw writeError(error, folder) ?? error
  }
}

function alreadyHere(downloads: Downloads, name: string): Pulled | undefined {
  const record = recordOf(downloads[0].file)
  const isSame = downloads.every(
    ({ file, size, sha256 }, index) =>
      sha256 !== undefined &&
      record?.sha256[index] === sha256 &&
      statSync(file, { throwIfNoEntry: false })?.size === size,
  )
  if (!record || !isSame) return undefined
  if (record.name !== name) writeRecord(downloads[0].file, { ...record, name })
  const files = filesOf(downloads)
  return { name, files, gguf: readSplitGguf(files), isVerified: true, wasHere: true }
}

function partBytes(downloads: Downloads): number {
  return downloads.reduce((sum, { file }) => sum + (statSync(`${file}.part`, { throwIfNoEntry: false })?.size ?? 0), 0)
}

function sourceOf(reference: Reference, { url, label }: Download): string {
  return reference.kind === 'hub' ? label : url.origin + url.pathname
}

/** Checks that it is a model, then gives the files their names; a file of that name is replaced in one step. */
async function place(downloads: Downloads, record: PullRecord): Promise<Gguf> {
  const [first, ...others] = filesOf(downloads)
  let gguf: Gguf
  try {
    gguf = readSplitGguf([`${first}.part`, ...others.map((file) => `${file}.part`)])
  } catch (error) {
    for (const { file } of downloads) await deletePart(`${file}.part`)
    throw error
  }
  try {
    // The first last: without it the others are no model yet.
    for (const file of [...others.toReversed(), first]) renameSync(`${file}.part`, file)
    writeRecord(first, record)
    for (const { file } of downloads) await deletePart(`${file}.part`)
  } catch (error) {
    throw writeError(error, first) ?? error
  }
  return { ...gguf, file: first }
}

function writeRecord(firstFile: string, record: PullRecord): void {
  const path = recordPath(firstFile)
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2))
  renameSync(`${path}.new`, path)
}

function filesOf([first, ...others]: Downloads): readonly [string, ...string[]] {
  return [first.file, ...others.map(({ file }) => file)]
}
