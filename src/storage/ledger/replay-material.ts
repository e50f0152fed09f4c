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
const hashBytes = 32
const exactBytes = 16
/** Of UTF-8, for each unit of UTF-16. */
const mostBytesPerCharacter = 3
const [blockKind, borderKind, exactKind] = [0, 1, 2]

// Requests are described one after the other: what is put together here is hashed or copied before the next.
const scratch = Buffer.allocUnsafe(8192)
const textScratch = Buffer.allocUnsafe(65_536)
const recordScratch = Buffer.allocUnsafe(mostRecords * recordBytes)

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

/** Describes a request so that it can be compared with others, not read. `secret` is this home's own, of 32 bytes. */
export function replayMaterial({ body, dialect, provider, model }: Replayed, secret: Uint8Array): ReplayColumns {
  const prompt = prefixHashes(body, secret)
  const rest: Record<string, unknown> = {}
  for (const name of Object.keys(body)) if (!withoutEffect.has(name)) rest[name] = body[name]
  const how = canonicalJson(rest)
  const who = JSON.stringify([dialect, provider, model])
  const exact = prompt && how !== undefined ? keyed(secret, prompt.whole, exactKind, bytesOf(who + how)) : undefined
  return {
    exact_key: exact === undefined ? null : Buffer.from(exact.slice(0, exactBytes), 'latin1'),
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
function prefixHashes(body: Body, secret: Uint8Array): { records: Uint8Array; whole: string } | undefined {
  const chain = new HashChain(secret)
  const beyond: string[] = []
  for (const name of promptFields) {
    for (const piece of piecesOf(body[name])) {
      const text = canonicalJson(piece)
      if (text === undefined) return undefined
      if (chain.isFull) beyond.push(name, text)
      else chain.push(bytesOf(`${name} ${text}`))
    }
  }
  if (beyond.length > 0) chain.push(bytesOf(beyond.join(' ')))
  return { records: chain.records(), whole: chain.whole }
}

/** A list of token ids is one piece: each of them would be a border. */
function piecesOf(field: unknown): readonly unknown[] {
  if (field === undefined || field === null) return []
  return Array.isArray(field) && typeof field[0] !== 'number' ? (field as readonly unknown[]) : [field]
}

class HashChain {
  /** Of everything so far, a byte in each character. */
  whole = '\0'.repeat(hashBytes)
  readonly #secret: Uint8Array
  #records = 0
  #at = 0

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  get isFull(): boolean {
    return this.#records >= mostRecords
  }

  push(piece: Buffer): void {
    let start = 0
    for (let next = blockBytes - (this.#at % blockBytes); start + next < piece.length; next = blockBytes) {
      if (this.isFull) break
      this.#mark(piece.subarray(start, start + next), blockKind)
      start += next
    }
    this.#mark(piece.subarray(start), borderKind)
  }

  records(): Uint8Array {
    return Buffer.from(recordScratch.subarray(0, this.#records * recordBytes))
  }

  #mark(piece: Buffer, kind: number): void {
    this.whole = keyed(this.#secret, this.whole, kind, piece)
    this.#at += piece.length
    if (this.isFull) return
    const tokens = Math.floor(this.#at / bytesPerToken)
    const start = this.#records * recordBytes
    recordScratch.writeUInt32BE((kind === borderKind ? tokens | borderBit : tokens) >>> 0, start)
    recordScratch.write(this.whole.slice(0, 8), start + 4, 'latin1')
    this.#records++
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

/** Only good until the next text. */
function bytesOf(text: string): Buffer {
  if (text.length * mostBytesPerCharacter > textScratch.length) return Buffer.from(text)
  return textScratch.subarray(0, textScratch.write(text))
}

/** The secret comes first and only a part of the digest is ever kept, so that nobody can go on from one. */
function keyed(secret: Uint8Array, before: string, kind: number, piece: Buffer): string {
  const length = secret.length + hashBytes + 1 + piece.length
  const room = length <= scratch.length ? scratch.subarray(0, length) : Buffer.allocUnsafe(length)
  room.set(secret)
  room.write(before, secret.length, 'latin1')
  room[secret.length + hashBytes] = kind
  room.set(piece, secret.length + hashBytes + 1)
  return hash('sha256', room, 'binary')
}
