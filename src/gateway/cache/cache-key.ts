import { hash } from 'node:crypto'
import { determinismOf } from '../../storage/ledger/asked-for.ts'
import { canonicalJson } from '../../storage/ledger/canonical-json.ts'
import type { CacheAsked } from './answer-cache.ts'

/** Who is given the answer of whom. */
export type CacheScope = 'key' | 'team' | 'all'

/** Of a body: what travels with it and leaves the answer as it is. Anything else that is not known may change it. */
const withoutEffect: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'labels',
  'service_tier',
  'serviceTier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
])

/** Texts of which the key is remembered, and how long they may be to be so as they are: their digest costs more. */
const mostRemembered = 4000
const shortText = 1000
const quote = 0x22
const backslash = 0x5c
const colon = 0x3a

/** Tells requests apart that may have another answer, and no others. */
export class CacheKeys {
  readonly #scope: CacheScope
  /** By what their clients wrote: the same words need not be put in order twice. Null has none. */
  readonly #known = new Map<string, string | null>()

  constructor(scope: CacheScope) {
    this.#scope = scope
  }

  /** Undefined for a request of which that cannot be said: it would mean another thing to another reader. */
  of(asked: CacheAsked): string | undefined {
    const { body, text, wire, model, stream, headers } = asked
    if (!body || text === undefined) return undefined
    const about = JSON.stringify([this.#tenant(asked), wire, model, stream, headers ?? null])
    const written = text.length <= shortText ? `${about}\n${text}` : digest(about, text)
    let key = this.#known.get(written)
    if (key === undefined) {
      key = canonicalKey(about, body, text)
      if (this.#known.size >= mostRemembered) this.#known.clear()
      this.#known.set(written, key)
    }
    return key ?? undefined
  }

  #tenant({ caller }: CacheAsked): string {
    if (this.#scope === 'all') return ''
    return this.#scope === 'team' && caller.teamId !== undefined ? `team ${caller.teamId}` : `key ${caller.keyId}`
  }
}

/** Whether the same request has the same answer, as far as models give one. */
export function isDeterministic(body: Readonly<Record<string, unknown>>): boolean {
  return determinismOf(body) !== 'sampled'
}

function canonicalKey(about: string, body: Readonly<Record<string, unknown>>, text: string): string | null {
  const rest: Record<string, unknown> = {}
  for (const name of Object.keys(body)) if (!withoutEffect.has(name)) rest[name] = body[name]
  const { members, isExact } = weighed(body)
  // Of two members of one name a provider might take the one that was not looked at; and of a number with more digits
  // than there is room for, all of them.
  if (!isExact || members !== membersIn(text)) return null
  const canonical = canonicalJson(rest, 'kept')
  return canonical === undefined ? null : digest(about, canonical)
}

function digest(about: string, text: string): string {
  return hash('sha256', `${about}\n${text}`, 'base64url')
}

interface Weighed {
  readonly members: number
  /** Whether every number is what was written. */
  readonly isExact: boolean
}

function weighed(value: unknown): Weighed {
  let members = 0
  let isExact = true
  const left: unknown[] = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next === 'number') isExact &&= !Number.isInteger(next) || Number.isSafeInteger(next)
    if (typeof next !== 'object' || next === null) continue
    const values = Object.values(next)
    if (!Array.isArray(next)) members += values.length
    for (const each of values) left.push(each)
  }
  return { members, isExact }
}

/** Members of objects in a JSON text: as many as there are colons outside of strings. */
function membersIn(text: string): number {
  let members = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === colon) members++
    else if (code === quote) at = endOfString(text, at)
  }
  return members
}

function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return at
  }
  return text.length
}
