// Holds every cell of docs/compatibility.md to be true: what is said to cross does, what is said to be refused is, and
// what is said to be lost is lost.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../src/canonical/errors.ts'
import type { StreamEvent } from '../../src/canonical/events.ts'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import { openaiCompletionsWire } from '../../src/providers/wire/openai-completions.ts'
import { richAnswer } from '../fixtures/played-answer.ts'
import { answerFeatures, answerWith, type AnswerFeature } from './answer-features.ts'
import { compatibilityPage } from './compatibility.ts'
import { dialectAsks, type DialectName } from './dialect-asks.ts'
import {
  answerGapsOfDialects,
  answerGapsOfWires,
  gapIn,
  requestGapsOfDialects,
  requestGapsOfWires,
  type Gap,
} from './gaps.ts'
import { playedWires } from './played-provider.ts'
import { requestFeatures, type RequestFeature } from './request-features.ts'
import { dialects, wires } from './tested-wires.ts'
import { wireNames, type WireName } from './wire-framing.ts'

const plainBodies: Readonly<Record<DialectName, object>> = {
  'openai-chat': { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
  'openai-completions': { model: 'm', prompt: 'Hi' },
  'openai-responses': { model: 'm', input: 'Hi' },
  'anthropic-messages': { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
  gemini: { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
}

type Cell = 'yes' | Gap['outcome']

/** What happens to the part of a request by which two of them differ. */
function crossing(make: (asked: boolean) => unknown): Cell {
  try {
    return isDeepStrictEqual(make(true), make(false)) ? 'lost' : 'yes'
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    expect(['unsupported_parameter', 'invalid_value']).toContain(error.code)
    expect(error.param).toBeTruthy()
    return 'refused'
  }
}

const stated = (gaps: readonly Gap[], on: string, { id }: RequestFeature | AnswerFeature): Cell =>
  gapIn(gaps, on, id)?.outcome ?? 'yes'

const names = Object.keys(dialectAsks) as DialectName[]
const address = { model: 'm', stream: false }

describe.for(names)('requests on %s', (name) => {
  const dialect = dialects[name]
  test.for(requestFeatures.filter((feature) => feature.in[name]))('$title', (feature) => {
    const happens = crossing((asked) => {
      const fields = asked ? feature.in[name] : feature.insteadIn?.[name]
      return dialect.parse({ ...plainBodies[name], ...fields }, address).request
    })
    expect(happens).toBe(stated(requestGapsOfDialects, name, feature))
  })
})

describe.for(Object.entries(wires))('requests to %s', ([name, { wire, model }]) => {
  const plain: GenerateRequest = {
    model,
    input: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
    n: 1,
    stop: [],
    sampling: {},
  }
  test.for(requestFeatures)('$title', (feature) => {
    const happens = crossing((asked) =>
      wire.request({ ...plain, ...(asked ? feature.asks : feature.instead) }, { provider: 'up', stream: true }),
    )
    expect(happens).toBe(stated(requestGapsOfWires, name, feature))
  })
})

describe.for(names)('answers on %s', (name) => {
  const wanted = { model: 'm', stream: false, logprobs: name !== 'anthropic-messages', thoughts: true }
  const { body } = dialectAsks[name].request({ ...wanted, tools: [], translated: false, keptId: '' })
  const write = (events: readonly StreamEvent[]) => dialects[name].parse(body, address).writer('0').whole(events)

  test.for(answerFeatures)('$title', (feature) => {
    const gap = gapIn(answerGapsOfDialects, name, feature.id)
    const isThere = unclocked(write(answerWith(feature))) !== unclocked(write(answerWith(unlike(feature))))
    expect(isThere).toBe(gap === undefined)
  })

  test('calls in pieces', () => {
    const out = dialects[name].parse(body, { ...address, stream: true }).writer('0')
    const at = { choiceIndex: 0, toolIndex: 0 } as const
    out.chunk([{ type: 'tool-input-start', ...at, id: 'call_1', toolName: 'look' }])
    const shown = out.chunk([{ type: 'tool-input-delta', ...at, delta: '{"city' }]).includes('city')
    expect(shown).toBe(gapIn(answerGapsOfDialects, name, 'call-pieces') === undefined)
  })
})

/** What an answer is compared with: the same, but for the feature itself. */
function unlike({ id, events = [], finish }: AnswerFeature): Partial<AnswerFeature> {
  if (id === 'seals') return { events: events.filter(({ type }) => type !== 'reasoning-end') }
  if (id === 'logprobs') return { events: [{ type: 'text-delta', choiceIndex: 0, text: 'So' }] }
  return finish === undefined ? {} : { finish }
}

function unclocked(text: string): string {
  return text.replace(/"(created|created_at|completed_at)":\d+/g, '')
}

describe.for(wireNames)('answers from %s', (name) => {
  const wire = name === 'openai-completions' ? openaiCompletionsWire() : wires[name]?.wire
  const played = playedWires[name]
  const whole = wire?.whole(played.whole(richAnswer)) ?? []
  const reader = wire?.reader()
  const reads = played.stream(richAnswer).map((payload) => reader?.read(eventOf(name, payload)) ?? [])
  const streamed = [...reads.flat(), ...(reader?.end() ?? [])]

  test.for(answerFeatures)('$title', ({ id, isIn }) => {
    const isThere = gapIn(answerGapsOfWires, name, id) === undefined
    expect([isIn(whole), isIn(streamed)]).toEqual([isThere, isThere])
  })

  test('calls in pieces, and with ids', () => {
    const readOf = (type: StreamEvent['type']) =>
      reads.findIndex((events) => events.some((event) => event.type === type))
    const inPieces = readOf('tool-input-start') !== readOf('tool-input-end')
    expect(inPieces).toBe(gapIn(answerGapsOfWires, name, 'call-pieces') === undefined)
    const ids = streamed.flatMap((event) => (event.type === 'tool-input-start' ? [event.id] : []))
    expect(ids.includes('call_1')).toBe(gapIn(answerGapsOfWires, name, 'call-ids') === undefined)
  })
})

/** Events of Bedrock's are named by what frames them. */
function eventOf(name: WireName, payload: object) {
  const [entry] = Object.entries(payload)
  if (name !== 'bedrock-converse' || !entry) return { data: JSON.stringify(payload) }
  return { event: entry[0], data: JSON.stringify(entry[1]) }
}

test('every gap is of something that there is', () => {
  const columns = [...names, ...wireNames, 'mistral-chat']
  const rows = [...requestFeatures, ...answerFeatures].map(({ id }) => id)
  const all = [...requestGapsOfDialects, ...requestGapsOfWires, ...answerGapsOfDialects, ...answerGapsOfWires]
  for (const { on, what } of all) {
    expect(columns).toEqual(expect.arrayContaining([...on]))
    expect([...rows, 'call-pieces', 'call-ids', 'custom-calls']).toEqual(expect.arrayContaining([...what]))
  }
})

test('docs/compatibility.md says so; `node scripts/write-compatibility.ts` writes it again', async () => {
  const page = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')
  expect(page).toBe(await compatibilityPage())
})
