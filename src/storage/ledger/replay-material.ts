import { hash } from 'node:crypto'
import type { ReplayColumns } from '../tables.ts'
import { canonicalJson } from './canonical-json.ts'
import { askedFor, determinismOf } from './asked-for.ts'

type Body = Readonly<Record<string, unknown>>

/** No tokenizer is asked: four bytes of canonical JSON count as a token. */
const bytesPerToken = 4
const blockTokens = 256
const blockBytes = blockTokens * bytesPerToken
/** Of a longer prompt only the beginning is described: 1,024 blocks are a quarter of a million tokens. */
const mostRecords = 1024
const recordBytes = 12
const borderBit = 0x80000000

/** Where the prompt stands in a body, whatever the wire, in the order in which providers cache it. */
const promptFields = [
  'tools',
  'functions',
  'system',
  'systemInstruction',
  'system_instruction',
  'instructions',
  'messages',
  'contents',
  'input',
  'prompt',
  'query',
  'documents',
]

/** What travels with a request and leaves its answer as it is. Anything else that is not known may change it. */
const withoutEffect: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'stream_options',
  'user',
  'metadata',
  'store',
  'service_tier',
  'serviceTier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'labels',
  ...promptFields,
])

export interface Replayed {
  /** The JSON body as its client sent it. */
  readonly body: Body
  readonly dialect: string
  /** Who answered it: the same words to another model are another request. */
  readonly provider: string | null
  readonly model: string | null
}

/** Describes a request so that it can be compared with others, not read. `secret` is this home's own. */
export function replayMaterial(request: Replayed, secret: Uint8Array): ReplayColumns {
  const { body, dialect, provider, model } = request
  const prompt = prefixHashes(body, secret)
  const rest = canonicalJson(Object.fromEntries(Object.entries(body).filter(([name]) => !withoutEffect.has(name))))
  const who = JSON.stringify([dialect, provider, model])
  const exact = prompt && rest !== undefined ? keyed(secret, [prompt.whole, who, rest]).subarray(0, 16) : null
  return {
    exact_key: exact,
    prefix_hashes: prompt?.records ?? null,
    determinism: determinismOf(body),
    capabilities: askedFor(body),
  }
}

/**
 * One hash for the prompt up to each border of a message and each 256 tokens, each made from the one before it: two
 * prompts share the hashes of what they begin with alike. A record is the number of tokens before it (four bytes, big
 * end first, the first bit set at a border) and eight bytes of hash.
 */
function prefixHashes(body: Body, secret: Uint8Array): { records: Uint8Array; whole: Buffer } | undefined {
  const chain = new HashChain(secret)
  const beyond: string[] = []
  for (const name of promptFields) {
    for (const piece of piecesOf(body[name])) {
      const text = canonicalJson(piece)
      if (text === undefined) return undefined
      if (chain.isFull) beyond.push(name, text)
      else chain.push(Buffer.from(`${name} ${text}`))
    }
  }
  if (beyond.length > 0) chain.push(Buffer.from(beyond.join(' ')))
  return { records: chain.records(), whole: chain.whole }
}

/** A list of token ids is one piece: each of them would be a border. */
function piecesOf(field: unknown): readonly unknown[] {
  if (field === undefined || field === null) return []
  return Array.isArray(field) && typeof field[0] !== 'number' ? (field as readonly unknown[]) : [field]
}

class HashChain {
  /** Of everything so far. */
  whole: Buffer
  readonly #secret: Uint8Array
  readonly #records: Buffer[] = []
  #at = 0

  constructor(secret: Uint8Array) {
    this.#secret = secret
    this.whole = keyed(secret, [])
  }

  get isFull(): boolean {
    return this.#records.length >= mostRecords
  }

  push(piece: Buffer): void {
    let start = 0
    for (let next = blockBytes - (this.#at % blockBytes); start + next < piece.length; next = blockBytes) {
      if (this.isFull) break
      this.#mark(piece.subarray(start, start + next), false)
      start += next
    }
    this.#mark(piece.subarray(start), true)
  }

  records(): Uint8Array {
    return Buffer.concat(this.#records)
  }

  #mark(piece: Uint8Array, isBorder: boolean): void {
    this.whole = keyed(this.#secret, [this.whole, isBorder ? 'border' : 'block', piece])
    this.#at += piece.length
    if (this.isFull) return
    const record = Buffer.allocUnsafe(recordBytes)
    record.writeUInt32BE((Math.floor(this.#at / bytesPerToken) | (isBorder ? borderBit : 0)) >>> 0)
    this.whole.copy(record, 4, 0, 8)
    this.#records.push(record)
  }
}

/** Of what a record says. */
export interface PrefixHash {
  readonly tokens: number
  readonly border: boolean
  readonly hash: string
}

export function readPrefixHashes(records: Uint8Array): PrefixHash[] {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  return Array.from({ length: Math.floor(bytes.length / recordBytes) }, (_, index) => {
    const at = index * recordBytes
    const word = bytes.readUInt32BE(at)
    return {
      tokens: word & ~borderBit,
      border: word >= borderBit,
      hash: bytes.toString('hex', at + 4, at + recordBytes),
    }
  })
}

/** The secret comes first and only a part of the digest is ever kept, so that nobody can go on from one. */
function keyed(secret: Uint8Array, parts: readonly (string | Uint8Array)[]): Buffer {
  const pieces: Uint8Array[] = [secret]
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.length)
    pieces.push(length, bytes)
  }
  return hash('sha256', Buffer.concat(pieces), 'buffer')
}
