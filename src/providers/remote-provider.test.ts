import { describe, expect, onTestFinished, test } from 'vitest'
import fc from 'fast-check'
import { json, sse, startUpstream, type UpstreamAnswer } from '../../test/upstream-fixture.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { openai } from './openai.ts'
import type { ProviderSettings } from './provider-kind.ts'
import type { Provider } from './provider.ts'

const key = 'sk-test-0123456789abcdef'

const hello: GenerateRequest = {
  model: 'gpt-x',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
  n: 1,
  stop: [],
  sampling: {},
}

const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }

function chunk(delta: object, finish: string | null = null, more: object = {}): string {
  return JSON.stringify({ id: 'c1', model: 'gpt-x-1', choices: [{ index: 0, delta, finish_reason: finish }], ...more })
}

const answer = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'Grüße' }),
  chunk({ content: ' 👋' }),
  chunk({}, 'stop'),
  JSON.stringify({ id: 'c1', choices: [], usage }),
  '[DONE]',
]

function providerAt(url: string, settings: Partial<ProviderSettings> = {}): Provider {
  const provider = openai.make({ name: 'acme', keys: [key], baseUrl: `${url}/v1`, ...settings })
  onTestFinished(() => provider.close())
  return provider
}

async function all(provider: Provider, request = hello, signal = new AbortController().signal): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  for await (const batch of provider.generate(request, signal)) events.push(...batch)
  return events
}

function textOf(events: readonly StreamEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')
}

async function failure(run: () => Promise<unknown>): Promise<InferloomError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof InferloomError) {
      // Whatever goes wrong, the key stays here.
      expect(JSON.stringify([error.message, error.fault])).not.toContain(key)
      return error
    }
    throw error
  }
  throw new Error('it did not fail')
}

/** What a provider says when its upstream answers so. */
async function failureOf(given: UpstreamAnswer, settings: Partial<ProviderSettings> = {}): Promise<InferloomError> {
  const upstream = await startUpstream(() => given)
  const provider = providerAt(upstream.url, settings)
  return failure(() => all(provider))
}

test('a streamed answer is the same however its bytes are cut', async () => {
  const given = sse(answer)
  let cut: readonly number[] = [1]
  const upstream = await startUpstream(() => ({ ...given, cut }))
  const provider = providerAt(upstream.url)
  const expected = await all(provider)
  expect(textOf(expected)).toBe('Grüße 👋')
  expect(expected.at(-1)).toMatchObject({
    type: 'finish',
    usage: { inputTokens: { total: 5 }, outputTokens: { total: 2 } },
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(sizes, async (next) => {
      cut = next
      expect(await all(provider)).toEqual(expected)
    }),
    { numRuns: 25 },
  )
})

test('what is sent upstream: streaming, the key, and nothing of compression', async () => {
  const upstream = await startUpstream(() => sse(answer))
  await all(providerAt(upstream.url, { headers: { 'x-team': 'blue' } }))
  const [asked] = upstream.asked
  expect(asked?.path).toBe('/v1/chat/completions')
  expect(asked?.headers).toMatchObject({
    authorization: `Bearer ${key}`,
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'x-team': 'blue',
  })
  expect(upstream.body()).toMatchObject({ model: 'gpt-x', stream: true, stream_options: { include_usage: true } })
})

test('keys take turns', async () => {
  const upstream = await startUpstream(() => sse(answer))
  // The list is not asked for with a key of its own turn here, so that the turns are the requests' alone.
  const provider = providerAt(upstream.url, { keys: ['key-one-000000', 'key-two-000000'] })
  for (let count = 0; count < 4; count++) await all(provider)
  const keys = upstream.asked.map(({ headers }) => headers.authorization)
  expect(new Set(keys)).toEqual(new Set(['Bearer key-one-000000', 'Bearer key-two-000000']))
  expect(keys[0]).toBe(keys[2])
  expect(keys[1]).toBe(keys[3])
})

test('without a key nothing is asked, and the variable is named', async () => {
  const upstream = await startUpstream(() => sse(answer))
  const provider = providerAt(upstream.url, { keys: [] })
  const error = await failure(() => all(provider))
  expect(error.code).toBe('provider_key_missing')
  expect(error.message).toContain('OPENAI_API_KEY')
  expect(upstream.asked).toHaveLength(0)
})

describe('answers that are none', () => {
  test('a refused connection', async () => {
    const provider = providerAt('http://127.0.0.1:1')
    const error = await failure(() => all(provider))
    expect(error.code).toBe('provider_unreachable')
    expect(error.message).toContain('acme')
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('a web page with status 200', async () => {
    const error = await failureOf({
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<html>Log in</html>',
    })
    expect(error.code).toBe('provider_invalid_reply')
    expect(error.message).toMatch(/acme answered with text\/html/)
  })

  test('compressed bytes that were not asked for', async () => {
    const error = await failureOf({
      ...sse(answer),
      headers: { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' },
    })
    expect(error.code).toBe('provider_invalid_reply')
    expect(error.message).toContain("content-encoding 'gzip'")
  })

  test('a redirect to another host is not followed: no key travels', async () => {
    const other = await startUpstream(() => sse(answer))
    const error = await failureOf({ status: 307, headers: { location: `${other.url}/steal?token=secret` } })
    expect(error.code).toBe('provider_invalid_reply')
    expect(error.message).toContain(other.url)
    expect(error.message).not.toContain('secret')
    expect(other.asked).toHaveLength(0)
  })

  test('truncated JSON', async () => {
    const error = await failureOf(sse([chunk({ content: 'a' }), '{"id":"c1","choices":[{"ind']))
    expect(error.code).toBe('provider_invalid_reply')
    expect(error.fault?.provider).toBe('acme')
  })

  test('a stream that ends before its choice does', async () => {
    const error = await failureOf(sse([chunk({ content: 'a' })]))
    expect(error.code).toBe('provider_invalid_reply')
    expect(error.message).toContain('ended before it was complete')
  })

  test('a connection that is reset in the middle of the answer, after what came before it', async () => {
    const upstream = await startUpstream(() => ({ ...sse([chunk({ content: 'half' })]), ending: 'reset' }))
    const provider = providerAt(upstream.url)
    const seen: StreamEvent[] = []
    const error = await failure(async () => {
      for await (const batch of provider.generate(hello, new AbortController().signal)) seen.push(...batch)
    })
    expect(error.code).toBe('provider_unreachable')
    expect(error.message).toContain('broke in the middle')
    expect(textOf(seen)).toBe('half')
  })

  test('an error in mid-stream, in the words of the provider', async () => {
    const words = JSON.stringify({ error: { message: 'The server had an error', type: 'server_error' } })
    const error = await failureOf(sse([chunk({ content: 'a' }), words]))
    expect(error.code).toBe('provider_failed')
    expect(error.message).toContain('The server had an error')
    expect(error.fault?.provider).toBe('acme')
  })
})

test('an event of five megabytes, a stream without [DONE], and one without usage', async () => {
  const long = 'é'.repeat(2.5 * 1024 * 1024)
  const upstream = await startUpstream(() => sse([chunk({ content: long }), chunk({}, 'length')]))
  const events = await all(providerAt(upstream.url))
  expect(textOf(events)).toBe(long)
  expect(events.slice(-2)).toEqual([
    { type: 'text-end', choiceIndex: 0, finishReason: 'length', rawFinishReason: 'length' },
    { type: 'finish', usage: { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } } },
  ])
})

test('a whole answer where a stream was asked for is an answer too', async () => {
  const message = { role: 'assistant', content: 'Hi' }
  const upstream = await startUpstream(() =>
    json({ id: 'c1', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }),
  )
  expect(textOf(await all(providerAt(upstream.url)))).toBe('Hi')
})

describe('what headers say of limits comes first', () => {
  const limits = {
    'x-ratelimit-remaining-requests': '98',
    'ratelimit-policy': '"minute";q=100;w=60',
    'retry-after-ms': '250',
  }
  const headers = { ...limits, 'x-request-id': 'req-7', 'x-secret': 'no', 'set-cookie': 'no' }
  const message = { role: 'assistant', content: 'Hi' }
  const whole = json({ id: 'c1', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }, 200, headers)
  const streamed = { ...sse(answer), headers: { 'content-type': 'text/event-stream', ...headers } }

  test.each([
    ['of a stream', streamed],
    ['of a whole answer', whole],
  ])('%s', async (_, given) => {
    const upstream = await startUpstream(() => given)
    const [first] = await all(providerAt(upstream.url))
    expect(first).toEqual({ type: 'response-metadata', requestId: 'req-7', limits })
  })

  test('as many of them as there are, up to a bound', async () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x-ratelimit-${at}`, 'x'.repeat(250)]))
    const upstream = await startUpstream(() => ({ ...streamed, headers: { ...streamed.headers, ...many } }))
    const [first] = await all(providerAt(upstream.url))
    if (first?.type !== 'response-metadata') throw new Error('no metadata')
    const values = Object.values(first.limits ?? {})
    expect(values).toHaveLength(40)
    expect(Math.max(...values.map(({ length }) => length))).toBe(200)
  })
})

test('an answer that is not a stream is read up to a bound', async () => {
  const error = await failureOf(json({ id: 'a'.repeat(65 * 1024 * 1024) }))
  expect(error.code).toBe('provider_invalid_reply')
  expect(error.message).toBe("acme sent an answer larger than 64 MB. Remedy: try again; check the provider's baseUrl.")
})

describe('waiting and leaving', () => {
  test('a stream that stalls ends with the setting that says how long', async () => {
    const error = await failureOf({ ...sse([chunk({ content: 'a' })]), ending: 'stall' }, { timeouts: { idle: 0.1 } })
    expect(error.code).toBe('provider_timeout')
    expect(error.message).toContain('timeouts.idle')
  })

  test('an answer that does not begin', async () => {
    const upstream = await startUpstream(() => new Promise(() => {}))
    const provider = providerAt(upstream.url, { timeouts: { firstByte: 0.1, connect: 0.1 } })
    const error = await failure(() => all(provider))
    expect(error.code).toBe('provider_timeout')
    expect(error.message).toContain('timeouts.firstByte')
  })

  test('headers alone are no beginning', async () => {
    const given = { headers: { 'content-type': 'text/event-stream' }, ending: 'stall' } as const
    const error = await failureOf(given, { timeouts: { firstByte: 0.1 } })
    expect(error.message).toContain('timeouts.firstByte')
  })

  test('an answer that never ends', async () => {
    const given = { ...sse([chunk({ content: 'a' })]), ending: 'stall' } as const
    const error = await failureOf(given, { timeouts: { total: 0.2 } })
    expect(error.code).toBe('provider_timeout')
    expect(error.message).toContain('timeouts.total')
  })

  test('aborting rejects with the reason and ends the request upstream', async () => {
    const upstream = await startUpstream(() => ({ ...sse([chunk({ content: 'a' })]), ending: 'stall' }))
    const controller = new AbortController()
    const reason = new InferloomError('client_closed', 'The client left.')
    const stream = providerAt(upstream.url).generate(hello, controller.signal)[Symbol.asyncIterator]()
    await stream.next()
    controller.abort(reason)
    await expect(stream.next()).rejects.toBe(reason)
    await upstream.asked[0]?.left
  })

  test('returning early ends the request upstream', async () => {
    const upstream = await startUpstream(() => ({ ...sse([chunk({ content: 'a' })]), ending: 'stall' }))
    for await (const batch of providerAt(upstream.url).generate(hello, new AbortController().signal)) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    await upstream.asked[0]?.left
  })

  test('a request that was aborted before is not sent', async () => {
    const upstream = await startUpstream(() => sse(answer))
    const signal = AbortSignal.abort(new InferloomError('client_closed', 'gone'))
    const error = await failure(() => all(providerAt(upstream.url), hello, signal))
    expect(error.code).toBe('client_closed')
    expect(upstream.asked).toHaveLength(0)
  })
})

describe('refusals', () => {
  const refused = (status: number, error: object, headers = {}) => failureOf(json({ error }, status, headers))

  test.each([
    [401, { message: 'Incorrect API key provided: sk-proj-abc***xyz' }, 'provider_key_refused'],
    [403, { message: 'No access' }, 'provider_permission_denied'],
    [404, { message: 'No such model', code: 'model_not_found' }, 'provider_not_found'],
    [413, { message: 'Too large' }, 'body_too_large'],
    [400, { message: 'Bad temperature', param: 'temperature' }, 'provider_refused'],
    [422, { message: 'Bad temperature' }, 'provider_refused'],
    [400, { message: 'too long', code: 'context_length_exceeded' }, 'context_length_exceeded'],
    [400, { message: "This model's maximum context length is 8192 tokens" }, 'context_length_exceeded'],
    [400, { message: 'filtered', code: 'content_filter' }, 'content_filtered'],
    [429, { message: 'Slow down', code: 'rate_limit_exceeded' }, 'rate_limited'],
    [429, { message: 'You exceeded your current quota', code: 'insufficient_quota' }, 'quota_exceeded'],
    [429, { message: 'Rate limit reached. Add a payment method at https://a.example/billing.' }, 'rate_limited'],
    [429, { message: 'Too many tokens, please wait before trying again.' }, 'rate_limited'],
    [400, { message: 'Model Not Exist', code: 'invalid_request_error' }, 'provider_not_found'],
    [402, { message: 'Insufficient Balance' }, 'quota_exceeded'],
    [503, { message: 'Overloaded' }, 'provider_overloaded'],
    [529, { message: 'Overloaded' }, 'provider_overloaded'],
    [500, { message: 'Oops' }, 'provider_failed'],
  ])('status %i with %j', async (status, said, code) => {
    const error = await refused(status, said, { 'x-request-id': 'req_7' })
    expect(error.code).toBe(code)
    expect(error.fault).toMatchObject({ provider: 'acme', status, requestId: 'req_7' })
    expect(error.message).not.toMatch(/sk-/)
  })

  test('a retry-after date is measured by the clock of whoever wrote it', async () => {
    const headers = { date: 'Tue, 01 Jan 2030 00:00:00 GMT', 'retry-after': 'Tue, 01 Jan 2030 00:00:42 GMT' }
    expect((await refused(429, {}, headers)).retryAfterSeconds).toBe(42)
    expect((await refused(429, {}, { 'retry-after': '7' })).retryAfterSeconds).toBe(7)
    expect((await refused(429, {}, { 'retry-after': '7', 'retry-after-ms': '1500' })).retryAfterSeconds).toBe(1.5)
    expect((await refused(429, {}, { 'retry-after': 'soon' })).retryAfterSeconds).toBeUndefined()
  })

  test('a refusal that is no JSON, and one that is very long', async () => {
    expect((await failureOf({ status: 502, body: '<html>Bad gateway</html>' })).message).toBe(
      'acme failed with status 502.',
    )
    const long = await refused(400, { message: 'x y '.repeat(100_000) })
    expect(long.message.length).toBeLessThan(600)
  })
})

describe('relaying', () => {
  const body = JSON.stringify({ model: 'gpt-x', messages: [], stream: true, unknown_field: [1] })
  const relayed = (text: string, stream: boolean, headers = {}) =>
    ({ wire: 'openai-chat', model: 'gpt-x', body: text, stream, headers }) as const

  async function relay(provider: Provider, request: ReturnType<typeof relayed>) {
    const reply = await provider.relay?.(request, new AbortController().signal)
    if (!reply) throw new Error('the provider does not relay')
    const chunks = []
    for await (const each of reply.chunks) chunks.push(each)
    const bytes = Buffer.concat(chunks.map((each) => each.bytes)).toString()
    const deltas = chunks.reduce((sum, each) => sum + each.deltas, 0)
    const seen = chunks.reduce<object>(
      (last, { finishReason, usage: told }) => ({
        ...last,
        ...(finishReason && { finishReason }),
        ...(told && { usage: told }),
      }),
      {},
    )
    return { headers: reply.headers, bytes, deltas, seen }
  }

  test('a stream passes as it is, and what it cost is seen in passing', async () => {
    const headers = { 'x-request-id': 'r1', 'x-ratelimit-remaining-requests': '9', 'set-cookie': 'a=b', server: 'x' }
    const given = { ...sse([...answer.slice(0, 4), ...answer.slice(5)], headers), cut: [7] }
    const upstream = await startUpstream(() => given)
    const provider = providerAt(upstream.url)
    expect(provider.relays?.('gpt-x')).toContain('openai-chat')
    const { headers: passed, bytes, deltas, seen } = await relay(provider, relayed(body, true, { 'x-client': 'c' }))
    expect(bytes).toBe(given.body)
    expect(deltas).toBe(2)
    expect(seen).toEqual({ finishReason: 'stop' })
    expect(passed).toEqual({
      'content-type': 'text/event-stream',
      'x-request-id': 'r1',
      'x-ratelimit-remaining-requests': '9',
    })
    expect(upstream.body()).toEqual({ ...JSON.parse(body), stream_options: { include_usage: true } })
  })

  test('usage that the client did not ask for is seen and kept from it', async () => {
    const upstream = await startUpstream(() => sse(answer))
    const provider = providerAt(upstream.url)
    const quiet = await relay(provider, relayed(body, true))
    expect(quiet.seen).toMatchObject({ usage: { inputTokens: { total: 5 }, outputTokens: { total: 2 } } })
    expect(quiet.bytes).toBe(sse([...answer.slice(0, 4), '[DONE]']).body)
    const asking = JSON.stringify({
      model: 'gpt-x',
      messages: [],
      stream: true,
      stream_options: { include_usage: true },
    })
    expect((await relay(provider, relayed(asking, true))).bytes).toBe(sse(answer).body)
    expect(upstream.asked[1]?.body).toBe(asking)
  })

  test('a whole answer', async () => {
    const whole = {
      id: 'c1',
      choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }],
      usage,
      odd: 1,
    }
    const upstream = await startUpstream(() => json(whole))
    const text = JSON.stringify({ model: 'gpt-x', messages: [] })
    const { bytes, seen } = await relay(providerAt(upstream.url), relayed(text, false))
    expect(JSON.parse(bytes)).toEqual(whole)
    expect(seen).toMatchObject({ finishReason: 'stop', usage: { inputTokens: { total: 5 } } })
    expect(upstream.asked[0]?.body).toBe(text)
  })

  test('a stream that is cut fails; one that ends with an error of the provider does not', async () => {
    const error = JSON.stringify({ error: { message: 'no' } })
    let given = sse(answer.slice(0, 2))
    const upstream = await startUpstream(() => given)
    const provider = providerAt(upstream.url)
    expect((await failure(() => relay(provider, relayed(body, true)))).code).toBe('provider_invalid_reply')
    given = sse([...answer.slice(0, 2), error])
    expect((await relay(provider, relayed(body, true))).bytes).toContain('"no"')
  })

  test('a client cannot say who asks, or smuggle a header', async () => {
    const upstream = await startUpstream(() => sse(answer))
    const provider = providerAt(upstream.url)
    await relay(provider, relayed(body, true, { authorization: 'Bearer mine', host: 'evil', 'content-length': '1' }))
    expect(upstream.asked[0]?.headers.authorization).toBe(`Bearer ${key}`)
    expect(upstream.asked[0]?.headers.host).toBe(new URL(upstream.url).host)
    const smuggled = relayed(body, true, { 'x-note': 'a\r\nauthorization: Bearer mine' })
    expect((await failure(() => relay(provider, smuggled))).code).toBe('invalid_value')
    expect(upstream.asked).toHaveLength(1)
  })
})

describe('embeddings', () => {
  const request = { model: 'embed-x', inputs: ['a', 'b'] }
  const vectors = [
    [0.6, 0.8],
    [1, 0],
  ]

  test.each(['numbers', 'base64'])('as %s, in the order of the inputs', async (form) => {
    const write = (vector: number[]) =>
      form === 'numbers' ? vector : Buffer.from(Float32Array.from(vector).buffer).toString('base64')
    const data = vectors.map((vector, index) => ({ index, embedding: write(vector) })).toReversed()
    const upstream = await startUpstream(() => json({ data, usage: { prompt_tokens: 2, total_tokens: 2 } }))
    const result = await providerAt(upstream.url).embed?.(request, new AbortController().signal)
    expect(result?.embeddings.map((vector) => [...vector])).toEqual(vectors.map((each) => [...Float32Array.from(each)]))
    expect(result?.inputTokens).toBe(2)
  })

  test('too few of them', async () => {
    const upstream = await startUpstream(() => json({ data: [{ index: 0, embedding: [1] }] }))
    const embed = async () => providerAt(upstream.url).embed?.(request, new AbortController().signal)
    expect((await failure(embed)).message).toContain('1 vectors for 2 inputs')
  })
})

test('a model named like a folder above cannot leave the base address', async () => {
  const { azureOpenai } = await import('./azure-openai.ts')
  const upstream = await startUpstream(() => sse(answer))
  const settings = { name: 'acme', keys: [key], baseUrl: upstream.url, extra: { apiVersion: '2024-10-21' } }
  const provider = azureOpenai.make(settings)
  onTestFinished(() => provider.close())
  await all(provider, { ...hello, model: 'my/../model' })
  expect(upstream.asked[0]?.path).toBe('/openai/deployments/my%2F..%2Fmodel/chat/completions?api-version=2024-10-21')
  expect(upstream.asked[0]?.headers['api-key']).toBe(key)
  expect((await failure(() => all(provider, { ...hello, model: '..' }))).code).toBe('invalid_value')
  expect(upstream.asked).toHaveLength(1)
})
