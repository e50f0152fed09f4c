import { expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const whole = (content: string) =>
  json({
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
  })
const turn = (index: number) => [
  { role: 'user', content: `Question ${index}: ${'word '.repeat(60)}` },
  { role: 'assistant', content: `Answer ${index}` },
]
const messages = [
  { role: 'system', content: 'Be short.' },
  ...[1, 2, 3, 4].flatMap(turn),
  { role: 'user', content: 'And now?' },
]

interface Asked {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

async function started(prompt: object) {
  const upstream = await startUpstream(({ body }) =>
    whole((JSON.parse(body) as Asked).model === 'writer' ? 'They spoke of words.' : 'Hi'),
  )
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const routes = { short: { candidates: ['up/m'], prompt }, plain: { candidates: ['up/m'] } }
  const server = await startWithProviders({ up }, {}, { routes })
  const seen = () => upstream.asked.map(({ body }) => JSON.parse(body) as Asked)
  return { server, seen }
}

test('the oldest turns leave a prompt that is too long, and it is said how much that was', async () => {
  const { server, seen } = await started({ overflow: 'drop-oldest', maxTokens: 150 })
  const answer = await server.post(chat, { model: 'short', messages })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('x-inferloom-prompt')).toMatch(/^drop-oldest; tokens=\d+$/)
  const contents = seen()[0]?.messages.map(({ content }) => content.slice(0, 10))
  expect(contents?.[0]).toBe('Be short.')
  expect(contents?.at(-1)).toBe('And now?')
  expect(contents?.length).toBeLessThan(messages.length)
  const [row] = await ledgerOf(server)
  expect(row?.['removed_tokens']).toBeGreaterThan(100)
  await server.post(chat, { model: 'plain', messages })
  expect(seen()[1]?.messages).toHaveLength(messages.length)
})

test('what is dropped is summarised by a model that is named, with a row of its own', async () => {
  const { server, seen } = await started({ overflow: 'summarise', maxTokens: 150, summarise: { model: 'up/writer' } })
  const answer = await server.post(chat, { model: 'short', messages })
  expect(answer.headers.get('x-inferloom-prompt')).toContain('summarise; tokens=')
  const [writing, asked] = seen()
  expect(writing?.model).toBe('writer')
  expect(JSON.stringify(asked?.messages)).toContain('They spoke of words.')
  expect((await ledgerOf(server)).map(({ dialect, served_model: model }) => [dialect, model])).toEqual([
    ['openai-chat', 'm'],
    ['within', 'writer'],
  ])
})

// https://platform.claude.com/docs/en/build-with-claude/prompt-caching
test.each([
  ['from another wire', chat, {}, [0, 2]],
  ['from its own wire, as it was sent', '/v1/messages', {}, [0, 0]],
  ['from its own wire too, where that is said', '/v1/messages', { promptCache: 'all' }, [0, 2]],
])(
  'what comes again is marked for a provider that has to be asked to keep it: %s',
  async (_, path, settings, marks) => {
    const upstream = await startUpstream(() =>
      json({
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-4-5',
        content: [{ type: 'text', text: 'Hi' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 5, output_tokens: 2 },
      }),
    )
    const anthropic = { key: 'k'.repeat(20), baseUrl: upstream.url }
    const server = await startWithProviders({ anthropic }, {}, settings)
    const instructions = 'Answer with care. '.repeat(500)
    for (const content of ['one', 'two']) {
      const user = { role: 'user', content }
      const prompt =
        path === chat
          ? { messages: [{ role: 'system', content: instructions }, user] }
          : { system: instructions, messages: [user], max_tokens: 9 }
      expect((await server.post(path, { model: 'anthropic/claude-sonnet-4-5', ...prompt })).status).toBe(200)
    }
    const posted = upstream.asked.filter(({ method }) => method === 'POST')
    expect(posted.map(({ body }) => body.split('"cache_control":{"type":"ephemeral"}').length - 1)).toEqual(marks)
  },
)
