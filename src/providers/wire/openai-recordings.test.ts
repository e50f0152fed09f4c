// Replies that providers really gave, where they lie beside the project, over HTTP and cut anywhere.
import { describe, expect, onTestFinished, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../../test/recordings.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../../../test/upstream-fixture.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import { collect } from '../../dialects/collect.ts'
import { providerKinds } from '../registry.ts'

interface Call {
  readonly id?: string
  readonly index?: number
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

interface Said {
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly tool_calls?: readonly Call[] | null
}

interface Recorded {
  readonly id?: string
  readonly choices: readonly {
    readonly delta?: Said
    readonly message?: Said
    readonly text?: string
    readonly finish_reason?: string | null
  }[]
  readonly usage?: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly prompt_tokens_details?: { readonly cached_tokens?: number }
    readonly completion_tokens_details?: { readonly reasoning_tokens?: number }
  } | null
}

const streamOf = (provider: string, name: string) =>
  recordedStreams(provider).find((each) => each.name === `${name}.chunks.txt`)?.chunks ?? []
const replyOf = (provider: string, name: string) =>
  recordedReplies(provider).find((each) => each.name === `${name}.json`)?.body

/** Put together in the plainest way, to compare with. */
function expected(bodies: readonly Recorded[]) {
  const said = bodies.flatMap(({ choices }) => choices)
  const parts = said.map(({ delta, message }) => delta ?? message ?? {})
  const calls: { id: string; name: string; arguments: string }[] = []
  for (const call of parts.flatMap((part) => part.tool_calls ?? [])) {
    const known = (calls[call.index ?? 0] ??= { id: '', name: '', arguments: '' })
    known.id ||= call.id ?? ''
    known.name ||= call.function?.name ?? ''
    known.arguments += call.function?.arguments ?? ''
  }
  const usage = bodies.findLast((body) => body.usage)?.usage
  return {
    text: parts.map(({ content }, index) => content ?? said[index]?.text ?? '').join(''),
    reasoning: parts.map((part) => part.reasoning_content ?? '').join(''),
    calls,
    finish: said.findLast((each) => each.finish_reason)?.finish_reason?.replace('_', '-'),
    tokens: [
      usage?.prompt_tokens,
      usage?.prompt_tokens_details?.cached_tokens ?? 0,
      usage?.completion_tokens,
      usage?.completion_tokens_details?.reasoning_tokens ?? 0,
    ],
    id: bodies[0]?.id,
  }
}

async function answered(kind: string, given: UpstreamAnswer, input: GenerateRequest['input']) {
  const upstream = await startUpstream(() => given)
  const provider = providerKinds
    .find(({ name }) => name === kind)
    ?.make({ name: kind, keys: ['k'], baseUrl: upstream.url })
  if (!provider) throw new Error(`there is no ${kind}`)
  onTestFinished(() => provider.close())
  const events: StreamEvent[] = []
  const request = { model: 'm', input, n: 1, stop: [], sampling: {} }
  for await (const batch of provider.generate(request, new AbortController().signal)) events.push(...batch)
  const { choices, usage, metadata } = collect(events)
  const [choice] = choices
  return {
    text: choice?.text,
    reasoning: choice?.reasoning,
    calls: choice?.toolCalls,
    finish: choice?.finishReason,
    tokens: [
      usage.inputTokens.total,
      usage.inputTokens.cacheRead,
      usage.outputTokens.total,
      usage.outputTokens.reasoning,
    ],
    id: metadata.id,
  }
}

const chat = { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] } as const
const prompt = { kind: 'text', prompts: ['Hello'] } as const

describe.skipIf(recordedStreams('openai').length === 0)('recorded replies', () => {
  test.each([
    ['openai', 'openai', 'openai-text', chat],
    ['openai', 'openai', 'openai-completion-text', prompt],
    ['deepseek', 'deepseek', 'deepseek-reasoning', chat],
    ['deepseek', 'deepseek', 'deepseek-tool-call', chat],
    ['groq', 'groq', 'groq-text', chat],
    ['groq', 'groq', 'groq-tool-call', chat],
    ['openai-compatible', 'mistral', 'mistral-text', chat],
    ['openai-compatible', 'mistral', 'mistral-tool-call', chat],
  ] as const)('%s: %s/%s', async (kind, recorded, name, input) => {
    const lines = streamOf(recorded, name)
    const bodies = lines.map((line) => JSON.parse(line) as Recorded)
    const stream = sse([...lines, '[DONE]'])
    expect(await answered(kind, stream, input)).toEqual(expected(bodies))
    expect(await answered(kind, { ...stream, cut: [3, 1, 200, 47, 1009] }, input)).toEqual(expected(bodies))
    const whole = replyOf(recorded, name) as Recorded
    expect(await answered(kind, json(whole), input)).toEqual(expected([whole]))
  })

  test('embeddings of OpenAI', async () => {
    const recorded = replyOf('openai', 'openai-embedding') as { data: { embedding: number[] }[] }
    const upstream = await startUpstream(() => json(recorded))
    const openai = providerKinds.find(({ name }) => name === 'openai')
    const provider = openai?.make({ name: 'openai', keys: ['k'], baseUrl: upstream.url })
    onTestFinished(() => provider?.close())
    const result = await provider?.embed?.({ model: 'm', inputs: ['a', 'b'] }, new AbortController().signal)
    expect(result?.inputTokens).toBe(12)
    // The recording holds the first numbers of each vector only, so that their lengths are made 1 here.
    for (const [index, { embedding }] of recorded.data.entries()) {
      const length = Math.hypot(...embedding)
      expect([...(result?.embeddings[index] ?? [])].map((each) => each * length)).toEqual(
        embedding.map((each) => expect.closeTo(each, 6)),
      )
    }
  })

  test('a quota that is used up, as OpenAI says it', async () => {
    const given = { ...json(replyOf('openai', 'openai-error.1')), status: 429 }
    await expect(answered('openai', given, chat)).rejects.toMatchObject({
      code: 'quota_exceeded',
      fault: { code: 'insufficient_quota', status: 429 },
    })
  })
})
