import { readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, statSync, type Dirent } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { InferloomError } from '../../canonical/errors.ts'
import { isModelFile, splitOf } from './file-names.ts'
import { takeLock } from './lock.ts'

/** A model on this machine's disk. */
interface StoredModel {
  /** What clients ask for. */
  readonly name: string
  /** In order; more than one of a split model. llama.cpp is given the first and finds the others. */
  readonly files: readonly [string, ...string[]]
  readonly sizeBytes: number
  /** Whether it lies in the data folder, where inferloom may delete it. */
  readonly owned: boolean
  /** What it was pulled from. */
  readonly source: string | undefined
  /** Milliseconds since 1970. */
  readonly modified: number
}

interface Removed {
  readonly files: readonly string[]
  readonly sizeBytes: number
}

export interface ModelStore {
  /** The folder that `pull` downloads into. */
  readonly folder: string
  list(): readonly StoredModel[]
  find(name: string): StoredModel | undefined
  /**
   * Deletes a model's files, or what a pull of it that stopped has left. Throws `model_not_found`, `invalid_value` for
   * one that is not ours to delete, or `pull_in_progress`.
   */
  remove(name: string): Removed
  /** What the last look could not make sense of, for people to read. */
  complaints(): readonly string[]
}

export interface StoreOptions {
  readonly home: string
  /** Folders of the user's that are read and never written. */
  readonly folders: readonly string[]
}

/** Folders inside folders are looked at so deep, and so many files and folders in all. */
const deepest = 6
const mostEntries = 20_000
const partSuffix = /\.gguf\.part$/i
/** A look at the disk is good for this long, so that requests for names that are not there cost nothing. */
const freshMs = 1000

/** Looks for models in the data folder and in the folders of the configuration. */
export function openModelStore({ home, folders }: StoreOptions): ModelStore {
  const folder = join(home, 'models')
  let seen: { at: number; models: readonly StoredModel[]; complaints: readonly string[] } | undefined
  const look = () => {
    if (!seen || performance.now() - seen.at > freshMs) {
      const complaints: string[] = []
      const models = modelsIn([folder, ...folders.map((each) => resolve(each))], folder, complaints)
      seen = { at: performance.now(), models, complaints }
    }
    return seen
  }
  const find = (name: string) => look().models.find((model) => model.name === name)
  return {
    folder,
    list: () => look().models,
    complaints: () => look().complaints,
    find,
    remove: (name) => {
      const model = find(name)
      const left = partsOf(name, folder)
      if (!model && left.files.length === 0) throw notFound(name, look().models)
      if (model && !model.owned) {
        throw new InferloomError(
          'invalid_value',
          `${model.files[0]} is in a folder of store.folders, which inferloom only reads. Remedy: delete the file yourself.`,
        )
      }
      seen = undefined
      const removed = model ?? left
      deleteFiles(removed.files, folder)
      return removed
    },
  }
}

function notFound(name: string, models: readonly StoredModel[]): InferloomError {
  const known = models.map((model) => model.name).slice(0, 40)
  const hint = known.length === 0 ? 'None is stored.' : `Stored: ${known.join(', ')}.`
  return new InferloomError('model_not_found', `There is no model '${name.slice(0, 200)}' to remove. ${hint}`)
}

interface Found {
  readonly path: string
  readonly size: number
  readonly modified: number
}

function modelsIn(folders: readonly string[], own: string, complaints: string[]): StoredModel[] {
  const models = new Map<string, StoredModel>()
  const known = new Set<string>()
  for (const folder of folders) {
    const found = filesIn(folder, folder === own, complaints).filter(({ path }) => {
      // One file may be reached by several links and folders.
      const real = realPath(path)
      return !known.has(real) && known.add(real)
    })
    const byStem = Map.groupBy(found, ({ path }) => splitOf(path).stem)
    for (const [stem, parts] of [...byStem].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [first, ...others] = parts.sort((a, b) => (a.path < b.path ? -1 : 1))
      if (!first) continue
      const { count } = splitOf(first.path)
      if (parts.length !== count) {
        complaints.push(`${first.path}: ${parts.length} of its ${count} files are here`)
        continue
      }
      const record = folder === own ? recordOf(first.path) : undefined
      const plain = (record?.name ?? basename(stem)).replaceAll(/[^\w.:/@-]/g, '-').slice(0, 200)
      // The first of one name has it; others can still be told apart by where they are.
      const name = models.has(plain) ? stem.replaceAll(/[^\w.:/@-]/g, '-').slice(-200) : plain
      models.set(name, {
        name,
        files: [first.path, ...others.map(({ path }) => path)],
        sizeBytes: parts.reduce((sum, { size }) => sum + size, 0),
        owned: folder === own,
        source: record?.source,
        modified: Math.max(...parts.map(({ modified }) => modified)),
      })
    }
  }
  return [...models.values()]
}

function filesIn(root: string, own: boolean, complaints: string[]): Found[] {
  const found: Found[] = []
  for (const { path, entry } of filesBelow(root, own, complaints)) {
    if (isModelFile(entry.name) && (entry.isFile() || entry.isSymbolicLink())) {
      const status = statSync(path, { throwIfNoEntry: false })
      if (status?.isFile()) found.push({ path, size: status.size, modified: status.mtimeMs })
    } else if (own && partSuffix.test(entry.name)) {
      complaints.push(`${path}: not whole yet; pull it again to go on, or inferloom rm ${partName(path)}`)
    }
  }
  return found
}

/** What pulls of a model have left, by the name that its file gives it. */
function partsOf(name: string, folder: string): Removed {
  const files = [...filesBelow(folder, true, [])]
    .map(({ path }) => path)
    .filter((path) => partSuffix.test(path) && partName(path) === name)
  const sizes = files.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  return { files, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function partName(path: string): string {
  return basename(splitOf(path.replace(/\.part$/i, '')).stem)
}

function* filesBelow(root: string, mayBeMissing: boolean, complaints: string[]) {
  const pending: [folder: string, depth: number][] = [[root, 0]]
  let entries = 0
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [folder, depth] = next
    for (const entry of entriesOf(folder, mayBeMissing && depth === 0, complaints)) {
      if (++entries > mostEntries) {
        complaints.push(`${root}: holds more than ${mostEntries} files; name a folder closer to the models`)
        return
      }
      const path = join(folder, entry.name)
      // Links to files are followed, as caches of models are made of them; links to folders may lead in circles.
      if (!entry.isDirectory()) yield { path, entry }
      else if (depth < deepest) pending.push([path, depth + 1])
    }
  }
}

function entriesOf(folder: string, mayBeMissing: boolean, complaints: string[]): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' || !mayBeMissing) complaints.push(`${folder}: ${message}`)
    return []
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** What `pull` knows of a model, beside its first file. */
export interface PullRecord {
  readonly name: string
  readonly source: string
  /** Of each file, in order. */
  readonly sha256: readonly string[]
}

export function recordPath(firstFile: string): string {
  return `${firstFile}.json`
}

export function recordOf(firstFile: string): PullRecord | undefined {
  try {
    const { name, source, sha256 } = JSON.parse(readFileSync(recordPath(firstFile), 'utf8')) as Record<string, unknown>
    if (typeof name !== 'string' || typeof source !== 'string' || !Array.isArray(sha256)) return undefined
    return { name, source, sha256: sha256.map(String) }
  } catch {
    return undefined
  }
}

function deleteFiles(files: readonly string[], folder: string): void {
  const [first = ''] = files
  const whole = first.replace(/\.part$/i, '')
  const { stem, count } = splitOf(whole)
  // The lock that a pull of these files takes: that of the first of them.
  const lockOf = count === 1 ? whole : `${stem}-00001-of-${String(count).padStart(5, '0')}.gguf`
  try {
    const lock = takeLock(`${lockOf}.lock`, basename(stem))
    try {
      // The first file last: until it is gone the model is there and can be removed again.
      for (const file of files.toReversed()) {
        rmSync(file, { force: true })
        rmSync(recordPath(file), { force: true })
      }
    } finally {
      lock.release()
    }
  } catch (cause) {
    if (cause instanceof InferloomError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('home_not_writable', `${first} cannot be deleted: ${reason}.`, { cause })
  }
  for (let empty = dirname(first); empty.startsWith(folder) && empty !== folder; empty = dirname(empty)) {
    try {
      rmdirSync(empty)
    } catch {
      return // something else is in it
    }
  }
}
