// Plays every provider there are recordings of, each as its wire frames its answers. Which recording is wanted is the
// name of the model; what follows an @ says how its bytes travel.
import { recordedReplies, recordedStreams } from '../recordings.ts'
import { json, type AskedOfUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { anthropicMessages } from './reading/anthropic-messages.ts'
import { bedrockConverse } from './reading/bedrock-converse.ts'
import { cohereChat } from './reading/cohere-chat.ts'
import { gemini } from './reading/gemini.ts'
import { openaiChat } from './reading/openai-chat.ts'
import { openaiCompletions } from './reading/openai-completions.ts'
import { openaiResponses } from './reading/openai-responses.ts'
import type { Said, WireReading } from './reading/said.ts'
import { framed, wirePaths, type WireName } from './wire-framing.ts'

/** One answer that a provider really gave. */
export interface RecordedAnswer {
  /** As it is configured here. */
  readonly provider: string
  readonly wire: WireName
  /** The dialects whose requests are passed on to it as they stand. */
  readonly relays: readonly string[]
  /** Without the way in which its bytes travel. */
  readonly model: string
  readonly stream: boolean
  readonly said: Said
  /** Its first event, or all of it: bytes that no translation writes. */
  readonly begins: string
  readonly bytes: number
}

const readings: Readonly<Record<WireName, WireReading>> = {
  'openai-chat': openaiChat,
  'openai-completions': openaiCompletions,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
  gemini,
  'bedrock-converse': bedrockConverse,
  'cohere-chat': cohereChat,
}

interface Source {
  /** The folder of its recordings. */
  readonly folder: string
  readonly kind: string
  readonly wire: (name: string) => WireName | undefined
}

const always = (wire: WireName) => () => wire

/** What of OpenAI's is which: the rest are no answers of a model. */
function openaiWire(name: string): WireName | undefined {
  if (/^openai-text\b/.test(name)) return 'openai-chat'
  if (/^openai-completion-text\b/.test(name)) return 'openai-completions'
  return /^openai-(custom-tool|phase|reasoning-encrypted-content)\b/.test(name) ? 'openai-responses' : undefined
}

function chatAlone(name: string): WireName | undefined {
  return openaiWire(name) === 'openai-chat' ? 'openai-chat' : undefined
}

const sources: Readonly<Record<string, Source>> = {
  openai: { folder: 'openai', kind: 'openai', wire: openaiWire },
  deepseek: { folder: 'deepseek', kind: 'deepseek', wire: always('openai-chat') },
  groq: { folder: 'groq', kind: 'groq', wire: always('openai-chat') },
  compatible: { folder: 'mistral', kind: 'openai-compatible', wire: always('openai-chat') },
  // Mistral speaks OpenAI's chat but for some names of its own, so that nothing is passed on to it as it stands.
  mistral: { folder: 'mistral', kind: 'mistral', wire: always('openai-chat') },
  'mistral-openai': { folder: 'openai', kind: 'mistral', wire: chatAlone },
  'mistral-deepseek': { folder: 'deepseek', kind: 'mistral', wire: always('openai-chat') },
  'mistral-groq': { folder: 'groq', kind: 'mistral', wire: always('openai-chat') },
  lmstudio: { folder: 'lmstudio', kind: 'openai', wire: always('openai-responses') },
  anthropic: { folder: 'anthropic', kind: 'anthropic', wire: always('anthropic-messages') },
  google: { folder: 'google', kind: 'google', wire: always('gemini') },
  'amazon-bedrock': { folder: 'amazon-bedrock', kind: 'amazon-bedrock', wire: always('bedrock-converse') },
  cohere: { folder: 'cohere', kind: 'cohere', wire: (name) => (/text|tool/.test(name) ? 'cohere-chat' : undefined) },
}

/** The configuration of all of them, at one address. */
export function recordedProviders(url: string): Record<string, object> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, { kind }]) => [name, { kind, key: 'k', baseUrl: url, region: 'us-east-1' }]),
  )
}

/** OpenAI's models of such names answer on the Responses API alone. */
const prefixes: Partial<Record<WireName, string>> = { 'openai-responses': 'codex-' }

interface Played extends RecordedAnswer {
  readonly payloads: readonly unknown[]
}

const played: readonly Played[] = Object.entries(sources).flatMap(([provider, { folder, kind, wire: wireOf }]) => {
  const all = [
    ...recordedStreams(folder).flatMap(({ name, chunks }) =>
      answersIn(chunks).map((payloads, at) => ({ name: `${plain(name)}-${at}`, payloads, stream: true })),
    ),
    ...recordedReplies(folder)
      .filter(({ body }) => typeof body === 'object' && body !== null && !('error' in body))
      .map(({ name, body }) => ({ name: plain(name), payloads: [body], stream: false })),
  ]
  return all.flatMap(({ name, payloads, stream }) => {
    const wire = wireOf(name)
    if (!wire) return []
    const said = stream ? readings[wire].stream(payloads) : readings[wire].whole(payloads[0])
    const bytes = payloads.reduce<number>((sum, each) => sum + JSON.stringify(each).length, 0)
    const relays = relaysOf(kind, wire)
    const begins = JSON.stringify(payloads[0])
    return [{ provider, wire, relays, model: `${prefixes[wire] ?? ''}${name}`, stream, said, begins, bytes, payloads }]
  })
})

export const recordedAnswers: readonly RecordedAnswer[] = played

function relaysOf(kind: string, wire: WireName): readonly string[] {
  if (kind === 'mistral') return []
  if (kind === 'openai') {
    return wire === 'openai-responses' ? [wire] : ['openai-chat', 'openai-responses', 'openai-completions']
  }
  return wire === 'openai-chat' && kind === 'openai-compatible' ? [wire, 'openai-completions'] : [wire]
}

function plain(name: string): string {
  return name.replace(/(\.chunks\.txt|\.json)$/, '').replaceAll('.', '-')
}

/** A recording may hold several answers, one after another. */
function answersIn(chunks: readonly string[]): unknown[][] {
  const answers: unknown[][] = []
  for (const chunk of chunks) {
    const event = JSON.parse(chunk) as { readonly type?: string }
    if (answers.length === 0 || event.type === 'response.created') answers.push([])
    answers.at(-1)?.push(event)
  }
  return answers
}

export function playRecording({ method, path, body }: AskedOfUpstream): UpstreamAnswer {
  // Lists of models, which some providers ask for elsewhere than OpenAI.
  if (method === 'GET') return json({ data: [], models: [] })
  const inPath = /\/models?\/([^/:]+)/.exec(path)?.[1]
  const name = inPath === undefined ? (JSON.parse(body) as { model: string }).model : decodeURIComponent(inPath)
  const [model = '', cuts] = name.split('@')
  const recording = played.find((each) => each.model === model && wirePaths[each.wire].test(path))
  if (!recording) return json({ error: { message: `there is no recording ${model} at ${path}` } }, 404)
  const answer = recording.stream ? framed(recording.wire, recording.payloads) : json(recording.payloads[0])
  return cuts === undefined ? answer : { ...answer, cut: cuts.split('-').map(Number) }
}
