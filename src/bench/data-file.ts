import { createReadStream, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { InferloomError } from '../canonical/errors.ts'
import { readRow, type DataRow } from './data-rows.ts'

export interface DataFile {
  readonly rows: readonly DataRow[]
  /** `line 7 is not JSON`, of the first ten. */
  readonly broken: readonly string[]
  readonly brokenCount: number
}

const mostBytes = 1024 ** 3
const mostRows = 1_000_000
const mostNamed = 10

/** Reads JSON lines, or one JSON array as ShareGPT comes; broken lines are left out and named. */
export async function readDataFile(file: string, option: string): Promise<DataFile> {
  const refuse = (why: string, cause?: unknown) =>
    new InferloomError('invalid_value', `${option}: ${file} ${why}`, { param: option, cause })
  let first: string
  try {
    const { size } = statSync(file)
    if (size > mostBytes) throw refuse(`is larger than 1 GiB. Remedy: take a part of it.`)
    first = await beginningOf(file)
  } catch (cause) {
    if (cause instanceof InferloomError) throw cause
    throw refuse(`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`, cause)
  }
  const rows: DataRow[] = []
  const broken: string[] = []
  let brokenCount = 0
  for await (const { where, value } of first.trimStart().startsWith('[') ? elementsOf(file) : linesOf(file)) {
    if (rows.length === mostRows) break
    try {
      rows.push(readRow(value()))
    } catch (error) {
      brokenCount++
      const why = error instanceof SyntaxError ? 'is not JSON' : (error as Error).message
      if (broken.length < mostNamed) broken.push(`${where} ${why}`)
    }
  }
  if (rows.length > 0) return { rows, broken, brokenCount }
  const why = brokenCount === 0 ? 'is empty.' : `has no usable line: ${broken.join(', ')}.`
  throw refuse(why)
}

/** `3 of 500 lines of data.jsonl were left out: line 7 is not JSON, …`; nothing where none was. */
export function brokenText(file: string, { rows, broken, brokenCount }: DataFile): string | undefined {
  if (brokenCount === 0) return undefined
  const more = brokenCount > broken.length ? ', …' : ''
  return `${brokenCount} of ${rows.length + brokenCount} lines of ${file} were left out: ${broken.join(', ')}${more}.`
}

interface Element {
  readonly where: string
  /** Throws `SyntaxError` where it is not JSON. */
  readonly value: () => unknown
}

async function* linesOf(file: string): AsyncGenerator<Element> {
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number++
    if (line.trim() !== '') yield { where: `line ${number}`, value: () => JSON.parse(line) as unknown }
  }
}

async function* elementsOf(file: string): AsyncGenerator<Element> {
  const text = await readFile(file, 'utf8')
  let all: unknown
  try {
    all = JSON.parse(text)
  } catch {
    yield { where: 'the whole file', value: () => JSON.parse(text) as unknown }
    return
  }
  for (const [index, value] of (all as unknown[]).entries()) yield { where: `element ${index + 1}`, value: () => value }
}

async function beginningOf(file: string): Promise<string> {
  for await (const bytes of createReadStream(file, { end: 255 })) return (bytes as Buffer).toString()
  return ''
}
