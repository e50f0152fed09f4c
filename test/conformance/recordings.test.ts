// What providers really answered, asked for on every dialect: what the client reads must be what was recorded.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWithProviders } from '../provider-fixture.ts'
import type { TestServer } from '../server-fixture.ts'
import { withoutCost } from '../told-cost.ts'
import { openUpstream } from '../upstream-fixture.ts'
import { expectedOf, waysTo, type Way } from './crossings.ts'
import { dialectAsks, type DialectAsk } from './dialect-asks.ts'
import { playRecording, recordedAnswers, recordedProviders } from './recorded-upstream.ts'

let server: TestServer
let upstream: Awaited<ReturnType<typeof openUpstream>>
let keptId = ''
beforeAll(async () => {
  upstream = await openUpstream(playRecording)
  server = await openWithProviders(recordedProviders(upstream.url))
  const kept = await server.post('/v1/responses', { model: 'cohere/cohere-text', input: 'Where?', store: true })
  keptId = ((await kept.json()) as { id?: string }).id ?? ''
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

async function ask(dialect: DialectAsk, { recorded, stream, lane }: Way, cuts: readonly number[] = []) {
  const { provider, model, said, wire, relays } = recorded
  const { path, body } = dialect.request({
    model: `${provider}/${model}${cuts.length > 0 ? `@${cuts.join('-')}` : ''}`,
    stream,
    tools: [...new Set(said.calls.map(({ name }) => name))],
    logprobs: said.logprobs.length > 0 && wire !== 'anthropic-messages',
    thoughts: said.reasoning !== '',
    translated: lane === 'translated' && relays.includes(dialect.name),
    keptId,
  })
  const answer = await server.post(path, body)
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`)
  expect(withoutCost(text).includes(recorded.begins), `it is ${lane}`).toBe(lane === 'passed on')
  return dialect.read(text, stream)
}

/** Bytes one at a time, and at random places; of long answers only the beginning one at a time, or it would take minutes. */
const cutsOf = (bytes: number) =>
  fc.oneof(fc.constant(bytes < 6000 ? [1] : [...Array<number>(500).fill(1), bytes]), randomCuts)
const randomCuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 })

describe.skipIf(recordedAnswers.length === 0).for(Object.values<DialectAsk>(dialectAsks))('$name', (dialect) => {
  const all = recordedAnswers.flatMap((recorded) => waysTo(dialect, recorded))

  test.for(all)('$lane, $recorded.provider $recorded.model, asked for as a stream: $stream', async (way) => {
    expect(await ask(dialect, way)).toEqual(expectedOf(dialect, way))
  })

  const streamed = all.filter(({ recorded, stream }) => recorded.stream && stream)
  test.for(streamed)('$lane, $recorded.provider $recorded.model, however its bytes are cut', async (way) => {
    const whole = expectedOf(dialect, way)
    const property = fc.asyncProperty(cutsOf(way.recorded.bytes), async (cuts) => {
      expect(await ask(dialect, way, cuts)).toEqual(whole)
    })
    await fc.assert(property, { numRuns: 3, examples: [[[1, 700]]] })
  })
})

test.skipIf(recordedAnswers.length === 0)(
  'bare prompts go to wires that take them, and are refused by name elsewhere',
  async () => {
    for (const { provider, model, wire, relays } of recordedAnswers) {
      if (wire === 'openai-completions' || relays.includes('openai-completions')) continue
      const answer = await server.post('/v1/completions', { model: `${provider}/${model}`, prompt: 'Hi' })
      expect([answer.status, await answer.json()]).toMatchObject([
        400,
        { error: { code: 'unsupported_parameter', param: 'prompt' } },
      ])
    }
  },
)
