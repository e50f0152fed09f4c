import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPrefixHashes, replayMaterial } from './replay-material.ts'

type Body = Readonly<Record<string, unknown>>

const secret = randomBytes(32)
const of = (body: Body, more: { dialect?: string; provider?: string; model?: string; secret?: Uint8Array } = {}) => {
  const { dialect = 'openai-chat', provider = 'up', model = 'm' } = more
  const material = replayMaterial({ body, dialect, provider, model }, more.secret ?? secret)
  return {
    ...material,
    key: material.exact_key && Buffer.from(material.exact_key).toString('hex'),
    prefix: readPrefixHashes(material.prefix_hashes ?? new Uint8Array()),
  }
}
const chat = (...contents: string[]): Body => ({
  messages: contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content })),
})

test('the exact key is the same whatever the order, the nulls and what leaves an answer as it is', () => {
  const body = { ...chat('hello'), temperature: 0.5, seed: 7 }
  const { key } = of(body)
  expect(key).toMatch(/^[0-9a-f]{32}$/)
  const same: Body[] = [
    { seed: 7, temperature: 0.5, messages: [{ content: 'hello', role: 'user', name: null }] },
    { ...body, stream: true, stream_options: { include_usage: true }, user: 'u', metadata: { a: 'b' }, store: true },
    { ...body, model: 'another name for the same', service_tier: 'flex', tools: null },
  ]
  for (const each of same) expect(of(each).key).toBe(key)
})

test('the exact key changes with everything that may change the answer', () => {
  const body = { ...chat('hello'), temperature: 0.5 }
  const keys = [
    of(body),
    of(chat('hello')),
    of({ ...body, temperature: 0.6 }),
    of({ ...body, unheard_of: 1 }),
    of({ ...body, tools: [{ type: 'function', function: { name: 'f' } }] }),
    of({ ...chat('hello', 'x'), temperature: 0.5 }),
    of({ ...chat('hellp'), temperature: 0.5 }),
    of({ messages: [{ role: 'system', content: 'hello' }], temperature: 0.5 }),
    of(body, { model: 'n' }),
    of(body, { provider: 'other' }),
    of(body, { dialect: 'anthropic-messages' }),
    of(body, { secret: randomBytes(32) }),
  ].map(({ key }) => key)
  expect(new Set(keys).size).toBe(keys.length)
})

test('two prompts share the hashes of exactly what they begin with alike', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 3000 })
  const conversation = fc.array(text, { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(conversation, conversation, conversation, (shared, mine, theirs) => {
      const [a, b] = [of(chat(...shared, ...mine)).prefix, of(chat(...shared, ...theirs)).prefix]
      // Everything up to the last border of what is shared.
      const common = of(chat(...shared)).prefix
      expect(a.slice(0, common.length)).toEqual(common)
      expect(b.slice(0, common.length)).toEqual(common)
      const same = JSON.stringify(mine) === JSON.stringify(theirs)
      expect(JSON.stringify(a) === JSON.stringify(b)).toBe(same)
      for (const { tokens, hash } of a) expect([tokens >= 0, hash.length]).toEqual([true, 16])
      expect(a.map(({ tokens }) => tokens)).toEqual(a.map(({ tokens }) => tokens).toSorted((x, y) => x - y))
      expect(a.filter(({ border }) => border)).toHaveLength(shared.length + mine.length)
    }),
    { numRuns: 60 },
  )
})

test('a long message has a hash every 256 tokens, and a difference shows only behind it', () => {
  const long = 'x'.repeat(10_000)
  const a = of(chat(long))
  const b = of(chat(`${long.slice(0, 5000)}y${long.slice(5001)}`))
  const blocks = a.prefix.filter(({ border }) => !border)
  expect(blocks.map(({ tokens }) => tokens)).toEqual(blocks.map((_, index) => (index + 1) * 256))
  expect(blocks).toHaveLength(9)
  const alike = a.prefix.findIndex(({ hash }, index) => hash !== b.prefix[index]?.hash)
  expect(alike).toBe(4)
})

test('bodies of any shape and depth are described or left alone, in bounded room', () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown
  expect(of({ messages: deep })).toMatchObject({ exact_key: null, prefix_hashes: null })
  expect(of({ messages: [], odd: deep }).exact_key).toBeNull()
  const many = of({ messages: Array.from({ length: 100_000 }, () => '') })
  expect(many.prefix).toHaveLength(1024)
  expect(many.key).not.toBe(of({ messages: Array.from({ length: 100_001 }, () => '') }).key)
  expect(of({ input: Array.from({ length: 100_000 }, (_, index) => index) }).prefix.length).toBeLessThan(1024)
  fc.assert(
    fc.property(fc.object({ maxDepth: 4 }), (body) => {
      const json = JSON.parse(JSON.stringify(body)) as Body
      expect(of(json).key).toBe(of(json).key)
    }),
  )
})

test('what a request asks for is found in the words of every wire', () => {
  const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }
  expect(of({ messages: [{ role: 'user', content: [image] }], tools: [{}] }).capabilities).toBe('images,tools')
  expect(of({ input: [{ content: [{ type: 'input_image' }, { type: 'input_file' }] }] }).capabilities).toBe(
    'files,images',
  )
  expect(of({ contents: [{ parts: [{ inlineData: { mimeType: 'audio/wav' } }] }] }).capabilities).toBe('audio')
  expect(of({ response_format: { type: 'json_schema' }, n: 2, logprobs: true }).capabilities).toBe(
    'choices,json-schema,logprobs',
  )
  expect(of({ generationConfig: { responseMimeType: 'application/json', thinkingConfig: {} } }).capabilities).toBe(
    'json,reasoning',
  )
  expect(of({ messages: [{ content: [{ type: 'constructor' }, { type: '__proto__' }, null, 7] }] }).capabilities).toBe(
    '',
  )
})

test('how certain an answer is follows from how it is sampled', () => {
  expect(of({ temperature: 0 }).determinism).toBe('greedy')
  expect(of({ generationConfig: { topK: 1 } }).determinism).toBe('greedy')
  expect(of({ temperature: 1, seed: 3 }).determinism).toBe('seeded')
  expect(of({ temperature: 1 }).determinism).toBe('sampled')
})
