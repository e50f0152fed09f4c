import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { machineId } from './autotune-machine.ts'
import type { Trial, Tuning, TuningResult } from './autotune-result.ts'

export interface KeptTuning extends TuningResult {
  /** As it was called when it was measured. */
  readonly model: string
  /** `2026-11-25` */
  readonly date: string
}

const version = 1
/** The oldest of more are dropped. */
const mostEntries = 256
const mostBytes = 4_000_000
/** Of a model's file, what tells it from another of the same size and age. */
const headerBytes = 65_536
const mostTrials = 64

/** What was measured for models on this machine, in a file that several processes may write: the last one wins. */
export class TuneFile {
  readonly #path: string
  readonly #keys = new Map<string, { stamp: string; key: string }>()
  #read: { stamp: string; entries: Map<string, KeptTuning> } = { stamp: '', entries: new Map() }
  #machine: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** What was measured for the model in this file; undefined when nothing was, or its file is gone. */
  of(modelFile: string): KeptTuning | undefined {
    const key = this.#keyOf(modelFile)
    return key === undefined ? undefined : this.#entries().get(key)
  }

  /** Adds to what was measured before. */
  keep(modelFile: string, model: string, { tuning, trials }: TuningResult): void {
    const key = this.#keyOf(modelFile)
    if (key === undefined) return
    const entries = new Map(this.#entries())
    const before = entries.get(key)
    const others = before?.trials.filter(({ part }) => tuning[part] === undefined) ?? []
    const date = new Date().toISOString().slice(0, 10)
    entries.delete(key)
    entries.set(key, { model, date, tuning: { ...before?.tuning, ...tuning }, trials: [...others, ...trials] })
    for (const oldest of entries.keys()) {
      if (entries.size <= mostEntries) break
      entries.delete(oldest)
    }
    this.#write(entries)
  }

  #write(entries: Map<string, KeptTuning>): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    const temporary = `${this.#path}.${process.pid}`
    try {
      writeFileSync(temporary, JSON.stringify({ version, entries: Object.fromEntries(entries) }), { mode: 0o600 })
      renameSync(temporary, this.#path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  }

  #entries(): ReadonlyMap<string, KeptTuning> {
    const status = statSync(this.#path, { throwIfNoEntry: false })
    const stamp = `${status?.mtimeMs}:${status?.size}:${status?.ino}`
    if (stamp !== this.#read.stamp) {
      this.#read = { stamp, entries: status && status.size <= mostBytes ? entriesIn(this.#path) : new Map() }
    }
    return this.#read.entries
  }

  #keyOf(modelFile: string): string | undefined {
    const status = statSync(modelFile, { throwIfNoEntry: false })
    if (!status) return undefined
    const stamp = `${status.size}:${Math.floor(status.mtimeMs)}`
    const known = this.#keys.get(modelFile)
    if (known?.stamp === stamp) return known.key
    const header = headerOf(modelFile)
    if (!header) return undefined
    this.#machine ??= machineId()
    const key = createHash('sha256').update(`${this.#machine}\n${stamp}\n`).update(header).digest('hex').slice(0, 32)
    if (this.#keys.size >= mostEntries) this.#keys.clear()
    this.#keys.set(modelFile, { stamp, key })
    return key
  }
}

function headerOf(file: string): Buffer | undefined {
  const header = Buffer.alloc(headerBytes)
  try {
    const descriptor = openSync(file, 'r')
    try {
      return header.subarray(0, readSync(descriptor, header))
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** What is not as this version writes it is left out: it will be measured again. */
function entriesIn(path: string): Map<string, KeptTuning> {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown; entries?: Record<string, unknown> }
    if (file.version !== version) return new Map()
    const read = Object.entries(file.entries ?? {}).map(([key, entry]) => [key, keptIn(entry)] as const)
    return new Map(read.flatMap(([key, entry]) => (entry ? [[key, entry] as const] : [])))
  } catch {
    return new Map()
  }
}

function keptIn(entry: unknown): KeptTuning | undefined {
  const { model, date, tuning, trials } = entry as Partial<Record<keyof KeptTuning, unknown>>
  if (typeof model !== 'string' || typeof date !== 'string' || !isTuning(tuning) || !Array.isArray(trials)) return
  return trials.length <= mostTrials && trials.every(isTrial) ? { model, date, tuning, trials } : undefined
}

const checks = new Map<unknown, (value: unknown) => boolean>([
  ['threads', (value) => isWhole(value, 1, 512)],
  ['batchTokens', (value) => isWhole(value, 256, 8192)],
  ['flashAttention', (value) => typeof value === 'boolean'],
])

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

function isTuning(tuning: unknown): tuning is Tuning {
  if (typeof tuning !== 'object' || tuning === null) return false
  return Object.entries(tuning).every(([part, value]) => checks.get(part)?.(value))
}

function isTrial(trial: unknown): trial is Trial {
  const { part, value, milliseconds } = trial as Partial<Record<keyof Trial, unknown>>
  const timed = milliseconds === undefined || (typeof milliseconds === 'number' && milliseconds >= 0)
  return Boolean(checks.get(part)?.(value)) && timed
}
