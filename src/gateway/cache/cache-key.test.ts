import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localCaller, type Caller } from '../caller.ts'
import type { CacheAsked } from './answer-cache.ts'
import { CacheKeys, type CacheScope } from './cache-key.ts'

const { signal } = new AbortController()

function keyOf(text: string, more: Partial<CacheAsked> = {}, scope: CacheScope = 'key'): string | undefined {
  const body = JSON.parse(text) as Record<string, unknown>
  const asked = { caller: localCaller, wire: 'w', model: 'm', stream: false, wish: undefined, signal }
  return new CacheKeys(scope).of({ ...asked, body, text, ...more })
}

/** The same JSON with its members turned around and blanks between them. */
function shuffled(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(shuffled).join(' , ')} ]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).toReversed()
  return `{\n${members.map(([name, each]) => `${JSON.stringify(name)} : ${shuffled(each)}`).join(' ,\t')}}`
}

const body = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), {
  maxKeys: 6,
  noNullPrototype: true,
})

test('the order of members and blanks between them do not matter', () => {
  fc.assert(
    fc.property(body, (given) => {
      const text = JSON.stringify(given)
      // A value that JSON writes as another one is another request.
      fc.pre(JSON.stringify(JSON.parse(text)) === text)
      expect(keyOf(shuffled(JSON.parse(text)))).toBe(keyOf(text))
    }),
    { verbose: true },
  )
})

test('everything else does', () => {
  fc.assert(
    fc.property(
      body,
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.jsonValue({ maxDepth: 1 }),
      (given, name, value) => {
        const effectless = ['user', 'metadata', 'labels', 'service_tier', 'serviceTier', 'safety_identifier']
        fc.pre(!effectless.includes(name) && !Object.hasOwn(given, name) && name !== '__proto__')
        const [before, after] = [JSON.stringify(given), JSON.stringify({ ...given, [name]: value })]
        const [a, b] = [keyOf(before), keyOf(after)]
        fc.pre(a !== undefined && b !== undefined)
        expect(a).not.toBe(b)
      },
    ),
    { verbose: true },
  )
})

test('nobody has the key of another, unless that is wanted', () => {
  const caller = (keyId: string, teamId?: string): Caller => ({ ...localCaller, keyId, ...(teamId && { teamId }) })
  const of = (caller: Caller, scope: CacheScope) => keyOf('{"a":1}', { caller }, scope)
  expect(of(caller('a'), 'key')).not.toBe(of(caller('b'), 'key'))
  expect(of(caller('a', 't'), 'key')).not.toBe(of(caller('b', 't'), 'key'))
  expect(of(caller('a', 't'), 'team')).toBe(of(caller('b', 't'), 'team'))
  expect(of(caller('a', 't'), 'team')).not.toBe(of(caller('a', 'u'), 'team'))
  // A key without a team is a team of its own, whatever a team is called.
  expect(of(caller('t'), 'team')).not.toBe(of(caller('a', 't'), 'team'))
  expect(of(caller('a'), 'all')).toBe(of(caller('b'), 'all'))
})

test('what travels beside the body counts, and what leaves the answer as it is does not', () => {
  const key = keyOf('{"a":1}')
  for (const more of [{ wire: 'v' }, { model: 'n' }, { stream: true }, { headers: { beta: 'x' } }]) {
    expect(keyOf('{"a":1}', more)).not.toBe(key)
  }
  expect(keyOf('{"a":1,"user":"u","metadata":{"b":2}}')).toBe(key)
  expect(keyOf('{"a":1.0}')).toBe(key)
  expect(keyOf('{"a":1,"b":null}')).not.toBe(key)
})

test.each(['{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":9007199254740993}', '{"a":"\\"}:{","a":1}'])(
  '%s has none: two readers could read it in two ways',
  (text) => expect(keyOf(text)).toBe(undefined),
)
