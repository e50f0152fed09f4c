// What hostile or mistaken clients send, over real HTTP: each gets a clear error, and the server goes on.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { question, startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ INFERLOOM_BODY_LIMIT_MB: '8' })
})
afterAll(async () => {
  // Whatever was sent, the server still answers.
  const { choices } = await server.client.chat.completions.create({ model: 'loom-mini', messages: question })
  expect(choices[0]?.message.content).not.toBe('')
  await server.close()
})

const chat = '/v1/chat/completions'
const good = { model: 'loom-mini', messages: question }

interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

async function refusal(body: unknown, path = chat): Promise<{ status: number } & ErrorBody['error']> {
  const response = await server.post(path, body)
  const { error } = (await response.json()) as ErrorBody
  expect(response.headers.get('x-request-id')).toBeTruthy()
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  return { status: response.status, ...error }
}

describe('bodies', () => {
  test.each([
    ['not JSON', '{"model": ', 'invalid_json'],
    ['nothing', '', 'invalid_json'],
    ['a list', '[]', 'invalid_value'],
    ['null', 'null', 'invalid_value'],
  ])('%s is refused', async (_, body, code) => {
    expect(await refusal(body)).toMatchObject({ status: 400, code, type: 'invalid_request_error' })
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"model":"loom-mini","messages":[{"role":"user","content":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}]}'),
    ])
    expect(await refusal(bytes)).toMatchObject({ status: 400, code: 'invalid_utf8' })
  })

  test('a lone surrogate is refused, by the field it is in', async () => {
    const body = '{"model":"loom-mini","messages":[{"role":"user","content":"a\\ud800b"}]}'
    expect(await refusal(body)).toMatchObject({ status: 400, code: 'invalid_value', param: 'messages[0].content' })
  })

  test('ten megabytes are refused', async () => {
    const body = { ...good, messages: [{ role: 'user', content: 'x'.repeat(10_000_000) }] }
    expect(await refusal(body)).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  test('__proto__ is a field like any other', async () => {
    expect(await refusal('{"model":"loom-mini","messages":[],"__proto__":{"n":9}}')).toMatchObject({
      status: 400,
      code: 'unknown_parameter',
    })
  })
})

describe('fields of chat completions', () => {
  test.each([
    ['a number for the model', { ...good, model: 7 }, 'invalid_value', 'model'],
    ['no model', { messages: question }, 'missing_parameter', 'model'],
    ['no messages', { model: 'loom-mini' }, 'missing_parameter', 'messages'],
    ['empty messages', { ...good, messages: [] }, 'invalid_value', 'messages'],
    ['text for messages', { ...good, messages: 'hello' }, 'invalid_value', 'messages'],
    [
      'a number for content',
      { ...good, messages: [{ role: 'user', content: 5 }] },
      'invalid_value',
      'messages[0].content',
    ],
    ['no content', { ...good, messages: [{ role: 'user' }] }, 'missing_parameter', 'messages[0].content'],
    ['an unknown role', { ...good, messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
    [
      'an image',
      { ...good, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'unsupported_parameter',
      'messages[0].content[0]',
    ],
    [
      'a sound',
      {
        ...good,
        messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }],
      },
      'unsupported_parameter',
      'messages[0].content[0]',
    ],
    [
      'a file that is kept elsewhere',
      { ...good, messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] },
      'invalid_value',
      'messages[0].content[0].file.file_id',
    ],
    ['text for temperature', { ...good, temperature: 'hot' }, 'invalid_value', 'temperature'],
    ['too high a temperature', { ...good, temperature: 3 }, 'invalid_value', 'temperature'],
    ['negative max_tokens', { ...good, max_tokens: -1 }, 'invalid_value', 'max_tokens'],
    ['zero max_tokens', { ...good, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    ['half a token', { ...good, max_tokens: 1.5 }, 'invalid_value', 'max_tokens'],
    ['huge max_tokens', { ...good, max_tokens: 1e15 }, 'context_length_exceeded', 'max_tokens'],
    ['max_tokens beyond integers', { ...good, max_tokens: 1e300 }, 'invalid_value', 'max_tokens'],
    ['two different limits', { ...good, max_tokens: 5, max_completion_tokens: 6 }, 'invalid_value', 'max_tokens'],
    ['n of zero', { ...good, n: 0 }, 'invalid_value', 'n'],
    ['n beyond the slots', { ...good, n: 100 }, 'invalid_value', 'n'],
    ['an empty stop string', { ...good, stop: '' }, 'invalid_value', 'stop'],
    ['a biased word', { ...good, logit_bias: { word: 1 } }, 'invalid_value', 'logit_bias.word'],
    ['a token that is none', { ...good, logit_bias: { '999999': 1 } }, 'invalid_value', 'logit_bias'],
    ['top_logprobs alone', { ...good, top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
    ['functions', { ...good, functions: [{ name: 'f' }] }, 'unsupported_parameter', 'functions'],
    ['function_call', { ...good, function_call: 'auto' }, 'unsupported_parameter', 'function_call'],
    ['a misspelled field', { ...good, temprature: 1 }, 'unknown_parameter', 'temprature'],
  ])('%s is refused by name', async (_, body, code, param) => {
    expect(await refusal(body)).toMatchObject({ status: 400, param, ...(code !== undefined && { code }) })
  })

  test('an unknown model gets 404 and the list of known ones', async () => {
    const error = await refusal({ ...good, model: 'gpt-9' })
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(error.message).toContain('loom-mini')
  })

  test('a prompt longer than the context is refused, never cut', async () => {
    const error = await refusal({ ...good, messages: [{ role: 'user', content: 'word '.repeat(5000) }] })
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    expect(error.message).toMatch(/\d+ tokens.*1024/)
  })

  test('null counts as left out, and what says nothing about the answer is accepted', async () => {
    const accepted = {
      ...good,
      max_tokens: 2,
      temperature: null,
      tools: [],
      user: 'me',
      store: false,
      response_format: { type: 'text' },
    }
    expect((await server.post(chat, accepted)).status).toBe(200)
  })
})

describe('fields of text completions', () => {
  test.each([
    ['no prompt', {}, 'prompt'],
    ['an empty prompt list', { prompt: [] }, 'prompt'],
    ['a token that is none', { prompt: [[99_999_999]] }, 'prompt'],
    ['an empty prompt', { prompt: '' }, 'prompt'],
    ['echo', { prompt: 'x', echo: true }, 'echo'],
    ['a suffix', { prompt: 'x', suffix: 'y' }, 'suffix'],
    ['too many answers', { prompt: Array.from({ length: 100 }, () => 'x'), n: 2 }, 'prompt'],
  ])('%s is refused by name', async (_, change, param) => {
    expect(await refusal({ model: 'loom-mini', ...change }, '/v1/completions')).toMatchObject({ status: 400, param })
  })
})

describe('requests', () => {
  test('an unknown path and a wrong method are told apart', async () => {
    expect(await refusal({}, '/v1/nothing')).toMatchObject({ status: 404, code: 'route_not_found' })
    const wrong = await server.get(chat)
    expect({ status: wrong.status, body: await wrong.json() }).toMatchObject({
      status: 405,
      body: { error: { code: 'method_not_allowed' } },
    })
  })

  test('what is not HTTP gets an answer and an end', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write('HELLO\r\n\r\n')
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*\r\n/)
    expect(answer).toContain('"code":"invalid_value"')
  })
})
