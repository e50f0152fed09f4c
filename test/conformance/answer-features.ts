// What an answer can hold, in canonical events, with and without it.
import type { StreamEvent } from '../../src/canonical/events.ts'
import type { Usage } from '../../src/canonical/usage.ts'

export interface AnswerFeature {
  readonly id: string
  /** For people. */
  readonly title: string
  /** What is beside the words `Hello.`, which every answer here has. */
  readonly events?: readonly StreamEvent[]
  readonly usage?: Usage
  /** The finish reason that belongs to it; absent means 'stop'. */
  readonly finish?: 'tool-calls'
  /** Of the events that a wire's answer was read as, whether they hold it. */
  readonly isIn: (events: readonly StreamEvent[]) => boolean
}

const choiceIndex = 0
const toolIndex = 0
const call = { type: 'tool-input-start', choiceIndex, toolIndex, id: 'call_1', toolName: 'look' } as const
const noUsage: Usage = { inputTokens: { total: 40, cacheRead: 0 }, outputTokens: { total: 20, reasoning: 0 } }

const has = (type: StreamEvent['type']) => (events: readonly StreamEvent[]) =>
  events.some((event) => event.type === type)
const counts = (of: (usage: Usage) => number | undefined) => (events: readonly StreamEvent[]) =>
  events.some((event) => event.type === 'finish' && (of(event.usage) ?? 0) > 0)

export const answerFeatures: readonly AnswerFeature[] = [
  {
    id: 'thoughts',
    title: 'thoughts',
    events: [{ type: 'reasoning-delta', choiceIndex, text: 'Hm.' }],
    isIn: has('reasoning-delta'),
  },
  {
    id: 'seals',
    title: 'what a provider sealed of its thoughts',
    events: [
      { type: 'reasoning-delta', choiceIndex, text: 'Hm.' },
      { type: 'reasoning-end', choiceIndex, signature: { wire: 'bedrock-converse', value: 'c2VhbA==' } },
    ],
    isIn: (events) =>
      events.some(
        (event) =>
          (event.type === 'reasoning-end' && (event.signature ?? event.encrypted)) ||
          (event.type === 'tool-input-start' && event.signature),
      ),
  },
  {
    id: 'calls',
    title: 'calls of tools',
    finish: 'tool-calls',
    events: [
      call,
      { type: 'tool-input-delta', choiceIndex, toolIndex, delta: '{}' },
      { type: 'tool-input-end', choiceIndex, toolIndex },
    ],
    isIn: has('tool-input-start'),
  },
  {
    id: 'logprobs',
    title: 'log probabilities',
    events: [
      {
        type: 'text-delta',
        choiceIndex,
        text: 'So',
        logprobs: [{ token: 'So', logprob: -0.5, bytes: [83, 111], top: [] }],
      },
    ],
    isIn: (events) => events.some((event) => event.type === 'text-delta' && (event.logprobs ?? []).length > 0),
  },
  {
    id: 'sources',
    title: 'sources',
    events: [{ type: 'source', choiceIndex, url: 'https://example.com/a', title: 'A page' }],
    isIn: has('source'),
  },
  {
    id: 'model',
    title: 'the very model that answered',
    events: [{ type: 'response-metadata', model: 'very-model-2026' }],
    isIn: (events) => events.some((event) => event.type === 'response-metadata' && event.model !== undefined),
  },
  {
    id: 'cache-read',
    title: 'tokens read from a cache',
    usage: { ...noUsage, inputTokens: { total: 40, cacheRead: 7 } },
    isIn: counts(({ inputTokens }) => inputTokens.cacheRead),
  },
  {
    id: 'cache-write',
    title: 'tokens written to a cache',
    usage: { ...noUsage, inputTokens: { total: 40, cacheRead: 0, cacheWrite: 7 } },
    isIn: counts(({ inputTokens }) => inputTokens.cacheWrite),
  },
  {
    id: 'thought-tokens',
    title: 'tokens of thoughts',
    usage: { ...noUsage, outputTokens: { total: 20, reasoning: 7 } },
    isIn: counts(({ outputTokens }) => outputTokens.reasoning),
  },
]

/** The answer without a feature, or with it. */
export function answerWith({ events = [], usage = noUsage, finish }: Partial<AnswerFeature> = {}): StreamEvent[] {
  const metadata = events.filter(({ type }) => type === 'response-metadata')
  const thoughts = events.filter(({ type }) => type.startsWith('reasoning'))
  const rest = events.filter((event) => !metadata.includes(event) && !thoughts.includes(event))
  return [
    ...metadata,
    ...thoughts,
    { type: 'text-delta', choiceIndex, text: 'Hello.' },
    ...rest,
    { type: 'text-end', choiceIndex, finishReason: finish ?? 'stop' },
    { type: 'finish', usage },
  ]
}
