// Providers that send anything at all: bytes changed, lost or moved, events in any order, values of any kind, endings of
// any kind. Every request ends, with an answer or an error of its dialect, and the server goes on.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { richAnswer } from '../fixtures/played-answer.ts'
import { openWithProviders } from '../provider-fixture.ts'
import type { TestServer } from '../server-fixture.ts'
import { json, openUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { dialectAsks, type DialectAsk, type DialectName } from './dialect-asks.ts'
import { playedWires, playProvider } from './played-provider.ts'
import { errorReadings } from './reading/errors.ts'
import { framed, wirePaths, type WireName } from './wire-framing.ts'

/** A provider for each wire, with a model that is asked on it. */
const models: Readonly<Partial<Record<WireName, string>>> = {
  'openai-chat': 'openai-compatible/m',
  'openai-responses': 'openai/codex',
  'anthropic-messages': 'anthropic/claude-sonnet-4-5',
  gemini: 'google/gemini-3-pro',
  'bedrock-converse': 'amazon-bedrock/anthropic.claude-sonnet-4-5',
  'cohere-chat': 'cohere/command-a',
}
const wires = Object.keys(models) as WireName[]

let server: TestServer
let upstream: Awaited<ReturnType<typeof openUpstream>>
let hostile: ((wire: WireName) => UpstreamAnswer) | undefined
beforeAll(async () => {
  upstream = await openUpstream((request) => {
    const wire = wires.find((each) => wirePaths[each].test(request.path))
    return hostile && wire ? hostile(wire) : playProvider(request)
  })
  const settings = { key: 'k', baseUrl: upstream.url, region: 'us-east-1', timeouts: { idle: 0.15, total: 2 } }
  const kinds = Object.values(models).map((model) => model.slice(0, model.indexOf('/')))
  // What they say of waiting is nonsense too, and would make the test wait.
  const env = { INFERLOOM_PACING: 'false' }
  server = await openWithProviders(Object.fromEntries(kinds.map((kind) => [kind, { kind, ...settings }])), env)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(-1, 1e300, '', 'x'.repeat(70_000), '\u0000', [], {}, [[[[[]]]]], true, null, '__proto__'),
)

/** What happens to the events of an answer before they are framed. */
const toEvents = fc.oneof(
  fc.constant((events: readonly object[]) => events),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([from, to]) =>
      (events: readonly object[]) =>
        moved(events, from, to),
  ),
  fc.nat().map((at) => (events: readonly object[]) => events.filter((_, index) => index !== at % events.length)),
  fc
    .nat()
    .map(
      (at) => (events: readonly object[]) =>
        events.flatMap((each, index) => (index === at % events.length ? [each, each] : [each])),
    ),
  fc.tuple(fc.nat(), fc.nat(), anything).map(
    ([at, leaf, value]) =>
      (events: readonly object[]) =>
        events.map((each, index) => (index === at % events.length ? (replaced(each, leaf, value) as object) : each)),
  ),
)

function moved(events: readonly object[], from: number, to: number): object[] {
  const rest = [...events]
  const [one = {}] = rest.splice(from % events.length, 1)
  rest.splice(to % events.length, 0, one)
  return rest
}

/** The same value with another one in one of its places. */
function replaced(value: unknown, place: number, by: unknown): unknown {
  let left = place % Math.max(1, JSON.stringify(value).split(/[,:{[]/).length)
  const walk = (each: unknown): unknown => {
    if (left-- === 0) return by
    if (Array.isArray(each)) return each.map(walk)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(Object.entries(each).map(([name, inner]) => [name, walk(inner)]))
  }
  return walk(value)
}

/** What happens to the bytes. */
const toBytes = fc.oneof(
  { weight: 3, arbitrary: fc.constant((bytes: Buffer) => bytes) },
  { weight: 2, arbitrary: fc.nat().map((at) => (bytes: Buffer) => bytes.subarray(0, at % bytes.length)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 20 })).map(([at, noise]) => (bytes: Buffer) => {
      const place = at % bytes.length
      return Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place + noise.length)])
    }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3000 }).map((noise) => () => Buffer.from(noise)) },
  // An event that does not end.
  {
    weight: 1,
    arbitrary: fc.constant((bytes: Buffer) => Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(3_000_000, 120)])),
  },
)

const anyHostile = fc.record({
  toEvents,
  toBytes,
  cut: fc.oneof(
    fc.constant('whole' as const),
    fc.array(fc.integer({ min: 40, max: 2000 }), { minLength: 1, maxLength: 3 }),
  ),
  ending: fc.constantFrom('end', 'end', 'end', 'reset', 'stall'),
  status: fc.constantFrom(200, 200, 200, 200, 200, 201, 400, 429, 500, 503),
  type: fc.constantFrom(undefined, undefined, undefined, 'application/json', 'text/html', 'text/event-stream', ''),
  whole: fc.boolean(),
})

function played(wire: WireName, given: typeof anyHostile extends fc.Arbitrary<infer T> ? T : never): UpstreamAnswer {
  const events = given.whole ? [playedWires[wire].whole(richAnswer)] : playedWires[wire].stream(richAnswer)
  const changed = given.toEvents(events)
  const { headers = {}, body = '' } = given.whole ? json(changed[0] ?? null) : framed(wire, changed)
  return {
    status: given.status,
    headers: given.type === undefined ? headers : given.type === '' ? {} : { 'content-type': given.type },
    body: given.toBytes(Buffer.from(body)),
    cut: given.cut,
    ending: given.ending,
  }
}

test(
  'whatever a provider sends, every request ends, and is told why on its own wire',
  { timeout: 60_000 },
  async () => {
    const names = (Object.keys(dialectAsks) as DialectName[]).filter((name) => name !== 'openai-completions')
    const dialects = fc.constantFrom(...names)
    const property = fc.asyncProperty(
      fc.array(fc.tuple(dialects, fc.constantFrom(...wires), fc.boolean()), { minLength: 4, maxLength: 4 }),
      anyHostile,
      async (requests, given) => {
        hostile = (wire) => played(wire, given)
        await Promise.all(
          requests.map(async ([name, wire, stream]) => {
            const dialect: DialectAsk = dialectAsks[name]
            const wanted = { stream, tools: ['look'], logprobs: false, thoughts: false, translated: false, keptId: '' }
            const { path, body } = dialect.request({ ...wanted, model: models[wire] ?? '' })
            const { status, text } = await answerOf(path, body)
            expect(text).not.toMatch(/internal_error|inferloom failed to answer/i)
            if (status >= 300) expect(errorReadings[dialect.name]?.(JSON.parse(text))?.message).toMatch(/./)
            else if (!stream) JSON.parse(text)
          }),
        )
      },
    )
    await fc.assert(property, { numRuns: 80, endOnFailure: true })
    hostile = undefined
    const { path, body } = dialectAsks['openai-chat'].request({
      model: 'anthropic/claude-sonnet-4-5',
      stream: false,
      tools: [],
      logprobs: false,
      thoughts: false,
      translated: false,
      keptId: '',
    })
    expect((await answerOf(path, body)).text).toContain('Inference uses a trained model on new input.')
  },
)

/** Rejects where it takes longer than any timeout allows. */
async function answerOf(path: string, body: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(8000),
  })
  const { status } = answer
  try {
    return { status, text: await answer.text() }
  } catch (error) {
    // A stream that is passed on may have to be cut; it is not left open.
    expect(error).toMatchObject({ name: 'TypeError' })
    return { status, text: '' }
  }
}
