import { hash } from 'node:crypto'
import { canonicalJson } from '../../../storage/ledger/canonical-json.ts'
import type { CacheAsked } from '../answer-cache.ts'

/** A request as a question in words, and everything else about it, which has to be the same. */
export interface FramedQuestion {
  readonly frame: string
  readonly text: string
}

/** Longer ones are no questions but documents: what matters in them is in no vector of a few hundred numbers. */
const longestText = 2000
/** Of a body: what travels with it and leaves the answer as it is. */
const withoutEffect: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'seed',
])

type Body = Readonly<Record<string, unknown>>

/** Undefined where the last word of a conversation is not one text of its user. */
export function framed({ body, wire, model, stream, headers, caller }: CacheAsked): FramedQuestion | undefined {
  if (!body) return undefined
  for (const field of ['messages', 'contents', 'input'] as const) {
    const turns = body[field]
    if (typeof turns === 'string' && field === 'input') return framedIn({ ...body, [field]: null }, turns)
    if (!Array.isArray(turns)) continue
    const last = turns.at(-1) as unknown
    const text = textOf(last)
    if (text === undefined) return undefined
    return framedIn({ ...body, [field]: turns.slice(0, -1) }, text)
  }
  return undefined

  function framedIn(rest: Body, text: string): FramedQuestion | undefined {
    if (text.trim() === '' || text.length > longestText) return undefined
    const kept = Object.fromEntries(Object.entries(rest).filter(([name]) => !withoutEffect.has(name)))
    const canonical = canonicalJson(kept, 'kept')
    if (canonical === undefined) return undefined
    const about = JSON.stringify([caller.keyId, wire, model, stream, headers ?? null])
    return { frame: hash('sha256', `${about}\n${canonical}`, 'base64url'), text }
  }
}

function textOf(turn: unknown): string | undefined {
  if (typeof turn !== 'object' || turn === null) return undefined
  const { role, content, parts } = turn as Body
  if (role !== 'user') return undefined
  if (typeof content === 'string') return content
  const pieces = Array.isArray(content) ? content : parts
  if (!Array.isArray(pieces) || pieces.length !== 1) return undefined
  const { text, type, cache_control: mark } = pieces[0] as Body
  // Images and files are no words.
  const isText = type === undefined || type === 'text' || type === 'input_text'
  return typeof text === 'string' && mark === undefined && isText ? text : undefined
}
