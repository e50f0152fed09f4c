// Fixtures follow https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { awsEvent, awsException } from '../../test/aws-event-stream-fixture.ts'
import { recordedReplies, recordedStreams } from '../../test/recordings.ts'
import { json, startUpstream, type UpstreamAnswer } from '../../test/upstream-fixture.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { amazonBedrock } from './amazon-bedrock.ts'
import type { ProviderSettings } from './provider-kind.ts'
import type { Provider } from './provider.ts'
import { bedrockConverse } from './wire/bedrock-converse.ts'

const model = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const request: GenerateRequest = {
  model,
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
  n: 1,
  stop: [],
  sampling: {},
}

function bedrock(settings: Partial<ProviderSettings> = {}): Provider {
  const provider = amazonBedrock.make({
    name: 'amazon-bedrock',
    keys: ['bedrock-key'],
    extra: { region: 'us-west-2' },
    ...settings,
  })
  onTestFinished(() => provider.close())
  return provider
}

async function eventsOf(provider: Provider): Promise<StreamEvent[]> {
  const batches = await Array.fromAsync(provider.generate(request, new AbortController().signal))
  return batches.flat()
}

const stream = (frames: readonly Buffer[], cut: UpstreamAnswer['cut'] = 'whole'): UpstreamAnswer => ({
  headers: { 'content-type': 'application/vnd.amazon.eventstream' },
  body: Buffer.concat(frames),
  cut,
})

const hello = [
  awsEvent('messageStart', { role: 'assistant' }),
  awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Grüße 👋' }, p: 'abcd' }),
  awsEvent('contentBlockStop', { contentBlockIndex: 0 }),
  awsEvent('messageStop', { stopReason: 'end_turn' }),
  awsEvent('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } }),
]
const answer = [
  { type: 'text-delta', text: 'Grüße 👋' },
  { type: 'text-end', finishReason: 'stop' },
  { type: 'finish', usage: { inputTokens: { total: 3 }, outputTokens: { total: 2 } } },
]

describe('over HTTP', () => {
  test('a stream is read however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }), async (cut) => {
        const upstream = await startUpstream(() => stream(hello, cut))
        expect(await eventsOf(bedrock({ baseUrl: upstream.url }))).toMatchObject(answer)
      }),
      { numRuns: 15 },
    )
  })

  test('the key is a bearer’s, and the model is named in the path', async () => {
    const upstream = await startUpstream(() => stream(hello))
    await eventsOf(bedrock({ baseUrl: upstream.url }))
    const [asked] = upstream.asked
    expect(asked?.path).toBe(`/model/${encodeURIComponent(model)}/converse-stream`)
    expect(asked?.headers).toMatchObject({
      authorization: 'Bearer bedrock-key',
      accept: 'application/vnd.amazon.eventstream',
    })
  })

  test('without a key the request is signed with the credentials of the environment, and refused without any', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const upstream = await startUpstream(() => stream(hello))
    const provider = bedrock({ keys: [], baseUrl: upstream.url })
    await expect(eventsOf(provider)).rejects.toThrow(expect.objectContaining({ code: 'provider_key_missing' }))
    expect(upstream.asked).toEqual([])
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret')
    expect(await eventsOf(provider)).toMatchObject(answer)
    expect(upstream.asked[0]?.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-west-2\/bedrock\/aws4_request, /,
    )
  })

  test('texts are embedded one by one for Titan and together for Cohere, and their tokens are added up', async () => {
    const upstream = await startUpstream(({ path, body }) =>
      path.includes('titan')
        ? json({ embedding: body.includes('"b"') ? [0, 1] : [1, 0], inputTextTokenCount: 3 })
        : json({ embeddings: { float: [[1], [1], [1]] } }, 200, { 'x-amzn-bedrock-input-token-count': '5' }),
    )
    const provider = bedrock({ baseUrl: upstream.url })
    const { signal } = new AbortController()
    const inputs = ['a', 'b', 'c']
    const titan = await provider.embed?.({ model: 'amazon.titan-embed-text-v2:0', inputs }, signal)
    expect(titan?.embeddings.map((vector) => [...vector])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ])
    expect(titan?.inputTokens).toBe(9)
    expect(upstream.asked).toHaveLength(3)
    const cohere = await provider.embed?.({ model: 'cohere.embed-v4:0', inputs }, signal)
    expect(cohere).toMatchObject({ inputTokens: 5, embeddings: { length: 3 } })
    expect(upstream.asked).toHaveLength(4)
  })

  test('an exception in mid-stream, a frame that is damaged and a stream that is cut are told apart', async () => {
    const begun = hello.slice(0, 2)
    const damaged = Buffer.from(hello[2] ?? '')
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 6) ^ 1, damaged.length - 6)
    const cases: [UpstreamAnswer, string][] = [
      [stream([...begun, awsException('throttlingException', { message: 'slow down' })]), 'rate_limited'],
      [stream([...begun, damaged]), 'provider_invalid_reply'],
      [stream(begun), 'provider_invalid_reply'],
      [stream([...begun, Buffer.from(hello[2]?.subarray(0, 20) ?? '')]), 'provider_invalid_reply'],
      [json({ message: 'Too many requests' }, 429, { 'x-amzn-errortype': 'ThrottlingException' }), 'rate_limited'],
    ]
    for (const [given, code] of cases) {
      const upstream = await startUpstream(() => given)
      const failed = eventsOf(bedrock({ baseUrl: upstream.url }))
      await expect(failed).rejects.toMatchObject({ code, fault: { provider: 'amazon-bedrock' } })
    }
  })
})

describe('a region', () => {
  test('is needed, and becomes part of no other host', () => {
    vi.stubEnv('AWS_REGION', '')
    vi.stubEnv('AWS_DEFAULT_REGION', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const region of [undefined, '', 'a.example/', 'us-east-1@a.example', 7]) {
      expect(() => bedrock({ extra: { region } })).toThrow(expect.objectContaining({ code: 'config_invalid' }))
    }
    vi.stubEnv('AWS_REGION', 'cn-north-1')
    expect(bedrock({ extra: {} }).name).toBe('amazon-bedrock')
  })
})

const streams = recordedStreams('amazon-bedrock')
describe.skipIf(streams.length === 0)('recorded replies', () => {
  test.each(streams.map(({ name, chunks }) => [name, chunks] as const))('%s', (_name, chunks) => {
    const reader = bedrockConverse.reader()
    const events = [
      ...chunks.flatMap((line) => {
        const [[event, data] = ['', undefined]] = Object.entries(JSON.parse(line) as Record<string, unknown>)
        return reader.read({ event, data: JSON.stringify(data) })
      }),
      ...reader.end(),
    ]
    expect(events.at(-2)?.type).toBe('text-end')
    const finish = events.at(-1)
    expect(finish?.type === 'finish' && finish.usage.outputTokens.total).toBeGreaterThan(0)
    const ends = events.filter(({ type }) => type === 'reasoning-end' || type === 'tool-input-end')
    const isPlain = !chunks.some((line) => line.includes('reasoningContent') || line.includes('toolUse'))
    expect(ends).toHaveLength(isPlain ? 0 : 1)
  })

  test.each(recordedReplies('amazon-bedrock').map(({ name, body }) => [name, body] as const))('%s', (_name, body) => {
    const events = bedrockConverse.whole(body)
    expect(events.length).toBeGreaterThan(2)
    const finish = events.at(-1)
    expect(finish?.type === 'finish' && finish.usage.inputTokens.total).toBeGreaterThan(0)
  })
})
