// What the recorded answers cost, worked out by hand from the prices of the day on which this was written.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWithProviders } from '../provider-fixture.ts'
import type { TestServer } from '../server-fixture.ts'
import { openUpstream } from '../upstream-fixture.ts'
import { dialectAsks } from './dialect-asks.ts'
import { playRecording, recordedAnswers, recordedProviders } from './recorded-upstream.ts'

type Price = readonly [input: number, cached: number, output: number]

/** Dollars per million tokens of input, of input read from a cache, and of output. */
const [sonnet, haiku, fable, opus3, opus45] = [
  [3, 0.3, 15],
  [1, 0.1, 5],
  [10, 1, 50],
  [15, 1.5, 75],
  [5, 0.5, 25],
] as const
const [reasoner, gemini3, llama70, small]: readonly [Price, Price, Price, Price] = [
  // The list knows an hour of day from which it is cheaper.
  isNight(new Date()) ? [0.135, 0.035, 0.55] : [0.55, 0.14, 2.19],
  [2, 0.2, 12],
  [0.59, 0.59, 0.79],
  [0.1, 0.1, 0.3],
]
const [instruct, gpt52, gpt53codex, gpt5mini, gpt51, nano41] = [
  [1.5, 1.5, 2],
  [1.75, 0.175, 14],
  [1.75, 0.175, 14],
  [0.25, 0.025, 2],
  [1.25, 0.125, 10],
  [0.1, 0.025, 0.4],
] as const

/** Tokens as the recording itself has them: input that was not cached, input that was, and output with its thoughts. */
type Tokens = readonly [fresh: number, cached: number, output: number]

/** By the name of the recording. Thoughts that Gemini counts beside its candidates are added up here. */
const byHand: Readonly<Record<string, readonly [Price, Tokens]>> = {
  'anthropic-clear-thinking-1': [sonnet, [69, 0, 33]],
  'anthropic-json-tool-1': [haiku, [1151, 0, 87]],
  'anthropic-refusal': [fable, [18, 0, 5]],
  'anthropic-text': [sonnet, [12, 0, 29]],
  'anthropic-tool-no-args': [opus3, [602, 0, 93]],
  'anthropic-web-fetch-tool-20260209-1': [sonnet, [7204, 0, 162]],
  'anthropic-clear-thinking-1-0': [sonnet, [69, 0, 53]],
  'anthropic-json-tool-1-0': [haiku, [849, 0, 47]],
  'anthropic-message-delta-input-tokens-0': [opus45, [61, 0, 2]],
  'anthropic-refusal-0': [fable, [18, 0, 5]],
  'anthropic-text-0': [sonnet, [12, 0, 30]],
  'anthropic-tool-no-args-0': [sonnet, [565, 0, 48]],
  'anthropic-web-fetch-tool-20260209-1-0': [sonnet, [7172, 0, 144]],
  'deepseek-reasoning': [reasoner, [18, 0, 345]],
  'deepseek-tool-call': [reasoner, [19, 320, 92]],
  'deepseek-reasoning-0': [reasoner, [18, 0, 219]],
  'deepseek-tool-call-0': [reasoner, [19, 320, 83]],
  'google-reasoning': [gemini3, [9, 0, 29 + 282]],
  'google-text': [gemini3, [9, 0, 28 + 244]],
  'google-tool-call': [gemini3, [29, 0, 15 + 893]],
  'google-reasoning-0': [gemini3, [9, 0, 29 + 256]],
  'google-text-0': [gemini3, [9, 0, 23 + 185]],
  'google-tool-call-0': [gemini3, [29, 0, 15 + 45]],
  'groq-text': [llama70, [45, 0, 607]],
  'groq-tool-call': [llama70, [218, 0, 15]],
  'groq-text-0': [llama70, [45, 0, 662]],
  'groq-tool-call-0': [llama70, [210, 0, 15]],
  'mistral-text': [small, [13, 0, 434]],
  'mistral-tool-call': [small, [124, 0, 22]],
  'mistral-text-0': [small, [13, 0, 8]],
  'mistral-tool-call-0': [small, [124, 0, 22]],
  'openai-completion-text': [instruct, [14, 0, 16]],
  'openai-completion-text-0': [instruct, [14, 0, 16]],
  'codex-openai-custom-tool-1': [gpt52, [50, 0, 20]],
  'codex-openai-custom-tool-1-0': [gpt52, [50, 0, 20]],
  'codex-openai-phase-1': [gpt53codex, [7243 - 3072, 3072, 423]],
  'codex-openai-phase-1-0': [gpt53codex, [7112 - 3072, 3072, 463]],
  'codex-openai-reasoning-encrypted-content-1': [gpt5mini, [865, 0, 163]],
  'codex-openai-reasoning-encrypted-content-1-0': [gpt51, [134, 0, 28]],
  'codex-openai-reasoning-encrypted-content-1-1': [gpt51, [221, 0, 26]],
  'codex-openai-reasoning-encrypted-content-1-2': [gpt51, [260, 0, 26]],
  'codex-openai-reasoning-encrypted-content-1-3': [gpt51, [299, 0, 12]],
  'openai-text': [nano41, [16, 0, 363]],
  'openai-text-0': [nano41, [16, 0, 300]],
}

function isNight(now: Date): boolean {
  const minutes = now.getUTCHours() * 60 + now.getUTCMinutes()
  return minutes >= 16 * 60 + 30 || minutes < 30
}

let server: TestServer
let upstream: Awaited<ReturnType<typeof openUpstream>>
beforeAll(async () => {
  upstream = await openUpstream(playRecording)
  server = await openWithProviders(recordedProviders(upstream.url))
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const asChat = dialectAsks['openai-chat']
const asCompletion = dialectAsks['openai-completions']
/** Under which their providers are on the list of prices; the other names stand for services of one's own. */
const charging: readonly string[] = ['openai', 'deepseek', 'groq', 'mistral', 'anthropic', 'google']

describe.skipIf(recordedAnswers.length === 0)('recorded answers', () => {
  const known = recordedAnswers.filter(({ provider }) => charging.includes(provider))
  test('are all worked out', () => {
    const missing = known.filter(({ model }) => !byHand[model])
    expect(missing.map(({ model }) => model)).toEqual([])
  })

  test.for(known.filter(({ model }) => byHand[model]))(
    '$provider $model',
    async ({ provider, model, said, stream, wire }) => {
      const dialect = wire === 'openai-completions' ? asCompletion : asChat
      const { path, body } = dialect.request({
        model: `${provider}/${model}`,
        stream,
        tools: [...new Set(said.calls.map(({ name }) => name))],
        logprobs: false,
        thoughts: false,
        translated: false,
        keptId: '',
      })
      const answer = await server.post(path, body)
      const text = await answer.text()
      const [[input, cached, output], [fresh, read, written]] = byHand[model] ?? [nano41, [NaN, NaN, NaN]]
      const cost = (fresh * input + read * cached + written * output) / 1e6
      expect(costIn(text)).toBeCloseTo(cost, 12)
      if (!stream) expect(Number(answer.headers.get('x-inferloom-cost'))).toBeCloseTo(cost, 12)
    },
  )

  test('an unknown price is told as unknown', async () => {
    const body = { model: 'cohere/cohere-text', messages: [{ role: 'user', content: 'Where?' }] }
    const answer = await server.post('/v1/chat/completions', body)
    expect(answer.headers.get('x-inferloom-cost')).toBe('unknown')
    expect(costIn(await answer.text())).toBe('unknown')
  })
})

/** Of a whole answer, or of the last chunk of a stream that has one. */
function costIn(text: string): unknown {
  const found = [...text.matchAll(/"cost":("unknown"|[\d.e-]+)/g)].at(-1)?.[1]
  return found === undefined ? undefined : JSON.parse(found)
}
