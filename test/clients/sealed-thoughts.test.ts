// A loop with a tool over chat completions, against models that want their sealed thoughts back with its result.
import Anthropic from '@anthropic-ai/sdk'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import type { ChatCompletionMessage, ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources'
import { describe, expect, test } from 'vitest'
import { startWithProviders } from '../provider-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'

const question: ChatCompletionMessageParam = { role: 'user', content: 'Weather in Paris?' }
const tools: ChatCompletionTool[] = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
]

// https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use
const thinking = { type: 'thinking', thinking: 'I look.', signature: 'EqQBsigned' }
const use = { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5',
  content: [],
  usage: { input_tokens: 5, output_tokens: 3 },
}
const claudeStream = (reason: string, blocks: readonly object[]) => [
  { type: 'message_start', message },
  ...blocks,
  { type: 'message_delta', delta: { stop_reason: reason }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
]
const claude = claudeStream('tool_use', [
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'I look.' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQBsigned' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: use },
  { type: 'content_block_stop', index: 1 },
])
const claudeSays = claudeStream('end_turn', [
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Sunny.' } },
  { type: 'content_block_stop', index: 0 },
])

// https://ai.google.dev/gemini-api/docs/thought-signatures
const signedCall = { functionCall: { name: 'weather', args: {} }, thoughtSignature: 'AY89a18=' }
const geminiStream = (part: object) => [
  {
    candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 3 },
  },
]
const google = geminiStream(signedCall)
const googleSays = geminiStream({ text: 'Sunny.' })

// https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
const detail = { type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0 }
const hidden = { type: 'reasoning.encrypted', data: 'ZW5jcnlwdGVk', format: 'anthropic-claude-v1', index: 1 }
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'gen-1',
  model: 'anthropic/claude-sonnet-4.5',
  choices: [{ index: 0, delta, finish_reason }],
})
const openrouter = [
  chunk({ reasoning: 'I look.', reasoning_details: [{ ...detail, text: 'I look.' }] }),
  chunk({ reasoning_details: [{ ...detail, signature: 'EqQBsigned' }, hidden] }),
  chunk({
    tool_calls: [{ index: 0, id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
  }),
  chunk({}, 'tool_calls'),
]
const openrouterSays = [chunk({ content: 'Sunny.' }), chunk({}, 'stop')]

/** Calls the tool first, and answers what it is given then. */
async function started(kind: 'anthropic' | 'google' | 'openrouter', first: readonly object[], then: readonly object[]) {
  const upstream = await startUpstream(({ method, body }) => {
    if (method === 'GET') return json({ data: [], models: [] })
    const events = /tool_result|functionResponse|"role":"tool"/.test(body) ? then : first
    return sse(events.map((event) => JSON.stringify(event)))
  })
  const baseUrl = kind === 'google' ? `${upstream.url}/v1beta` : upstream.url
  const server = await startWithProviders({ up: { kind, baseUrl, key: 'k' } })
  const anthropicClient = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
  const sent = () => JSON.parse(upstream.asked.findLast(({ method }) => method === 'POST')?.body ?? '') as unknown
  return {
    server,
    client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }),
    anthropicClient,
    sent,
  }
}

describe('the openai client, which sends back the message as it came', () => {
  const asked = (model: string) => ({ model, tools, reasoning_effort: 'low' as const, max_tokens: 4000 })
  const result: ChatCompletionMessageParam = { role: 'tool', tool_call_id: 'toolu_1', content: 'sunny' }

  const ways: readonly [string, (client: OpenAI, model: string) => Promise<ChatCompletionMessage | undefined>][] = [
    [
      'whole',
      async (client, model) =>
        (await client.chat.completions.create({ ...asked(model), messages: [question] })).choices[0]?.message,
    ],
    [
      'streamed',
      (client, model) => client.chat.completions.stream({ ...asked(model), messages: [question] }).finalMessage(),
    ],
  ]
  test.each(ways)('%s, gives Claude its signed thoughts', async (_way, ask) => {
    const { client, sent } = await started('anthropic', claude, claudeSays)
    const model = 'up/claude-sonnet-4-5'
    const call = await ask(client, model)
    if (!call) throw new Error('no answer')
    expect(call).toMatchObject({ reasoning_content: 'I look.' })
    const messages = [question, call, result]
    const { choices } = await client.chat.completions.create({ ...asked(model), messages })
    expect(choices[0]?.message.content).toBe('Sunny.')
    expect(sent()).toMatchObject({ messages: [{ role: 'user' }, { role: 'assistant', content: [thinking, use] }, {}] })
  })

  test.each(ways)('%s, gives Gemini the signature of its call', async (_way, ask) => {
    const { client, sent } = await started('google', google, googleSays)
    const model = 'up/gemini-3-pro-preview'
    const call = await ask(client, model)
    if (!call) throw new Error('no answer')
    const answered = { ...result, tool_call_id: call.tool_calls?.[0]?.id ?? '' }
    const messages = [question, call, answered]
    const { choices } = await client.chat.completions.create({ ...asked(model), messages })
    expect(choices[0]?.message.content).toBe('Sunny.')
    expect(sent()).toMatchObject({ contents: [{}, { parts: [signedCall] }, {}] })
  })
})

describe('the AI SDK, which keeps what it knows', () => {
  const weather = tool({ inputSchema: jsonSchema({ type: 'object', properties: {} }), execute: () => 'sunny' })

  test('gives Gemini the signature of its call, whole and streamed', async () => {
    const { server, sent } = await started('google', google, googleSays)
    const model = createOpenAICompatible({ name: 'up', baseURL: `${server.url}/v1` })('up/gemini-3-pro-preview')
    const asked = { model, tools: { weather }, stopWhen: stepCountIs(2), prompt: 'Weather in Paris?', maxRetries: 0 }
    expect((await generateText(asked)).text).toBe('Sunny.')
    expect(sent()).toMatchObject({ contents: [{}, { parts: [signedCall] }, {}] })
    expect(await streamText(asked).text).toBe('Sunny.')
    expect(sent()).toMatchObject({ contents: [{}, { parts: [signedCall] }, {}] })
  })
})

test.each([false, true])(
  'Anthropic’s client gives OpenRouter what its model signed and encrypted, streamed: %s',
  async (stream) => {
    const { anthropicClient, sent } = await started('openrouter', openrouter, openrouterSays)
    const asked = {
      model: 'up/anthropic/claude-sonnet-4.5',
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
      tools: [{ name: 'weather', input_schema: { type: 'object' } }],
    } as const satisfies Partial<Anthropic.MessageCreateParamsNonStreaming>
    const first = { role: 'user', content: 'Weather in Paris?' } as const
    const body = { ...asked, tools: [...asked.tools], messages: [first] }
    const call = stream
      ? await anthropicClient.messages.stream(body).finalMessage()
      : await anthropicClient.messages.create(body)
    expect(call.content).toMatchObject([
      { type: 'thinking', thinking: 'I look.' },
      { type: 'tool_use', id: 'toolu_1' },
    ])
    const result = { type: 'tool_result' as const, tool_use_id: 'toolu_1', content: 'sunny' }
    const messages: Anthropic.MessageParam[] = [
      first,
      { role: 'assistant', content: call.content },
      { role: 'user', content: [result] },
    ]
    const { content } = await anthropicClient.messages.create({ ...body, messages })
    expect(content).toMatchObject([{ type: 'text', text: 'Sunny.' }])
    const told = [{ ...detail, text: 'I look.', signature: 'EqQBsigned' }, hidden]
    expect(sent()).toMatchObject({
      reasoning: { max_tokens: 2000 },
      messages: [{}, { role: 'assistant', reasoning_details: told }, { role: 'tool' }],
    })
  },
)
