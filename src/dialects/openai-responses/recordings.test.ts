// What OpenAI sent, understood by the wire and written again by the dialect.
import { describe, expect, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../../test/recordings.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import { openaiResponsesWire } from '../../providers/wire/openai-responses.ts'
import { openaiResponses } from './parse.ts'
import { unpackThoughts } from './sealed-thoughts.ts'

const streams = recordedStreams('openai')
const replies = recordedReplies('openai')

type Fields = Record<string, unknown>
interface Response extends Fields {
  readonly model: string
  readonly status: string
  readonly output: Fields[]
  readonly usage: Fields
}

const wholeOf = (name: string) => replies.find((each) => each.name === `${name}.json`)?.body as Response
/** A recording may hold several answers, one after another. */
function answersOf(name: string): Fields[][] {
  const answers: Fields[][] = []
  for (const chunk of streams.find((each) => each.name === `${name}.chunks.txt`)?.chunks ?? []) {
    const event = JSON.parse(chunk) as Fields
    if (event['type'] === 'response.created') answers.push([])
    answers.at(-1)?.push(event)
  }
  return answers
}

function read(events: readonly Fields[]): StreamEvent[] {
  const reader = openaiResponsesWire.reader()
  return [...events.flatMap((event) => reader.read({ data: JSON.stringify(event) })), ...reader.end()]
}

/**
 * The items as they were when they were done: at the end of the answer thoughts are encrypted anew. Of long texts the
 * recordings have some pieces only.
 */
function itemsOf(events: readonly Fields[]): Fields[] {
  return events.flatMap(({ type, item, output_index: index }): Fields[] => {
    if (type !== 'response.output_item.done') return []
    const pieces = events.filter(
      (each) => each['output_index'] === index && each['type'] === 'response.output_text.delta',
    )
    const text = pieces.map(({ delta }) => delta as string).join('')
    const done = item as Fields & { content?: Fields[] }
    return pieces.length === 0 ? [done] : [{ ...done, content: done.content?.map((part) => ({ ...part, text })) }]
  })
}

const writer = (model: string, summary: boolean) =>
  openaiResponses()
    .parse({ model, input: 'x', ...(summary && { reasoning: { summary: 'auto' } }) }, { model, stream: true })
    .writer('0'.repeat(32))

/** What is the same whoever writes it: ids are each writer's own, and thoughts are sealed again. */
function told(item: Fields): Fields {
  const { id: _, status: __, encrypted_content: sealed, ...rest } = item
  if (typeof sealed !== 'string') return rest
  return { ...rest, encrypted_content: unpackThoughts(sealed)?.encrypted?.value }
}

describe.skipIf(streams.length === 0)('recorded answers', () => {
  const names = ['openai-phase.1', 'openai-reasoning-encrypted-content.1', 'openai-custom-tool.1']

  test.each(names)('%s: a whole one is written again as it was', (name) => {
    const body = wholeOf(name)
    const written = JSON.parse(writer(body.model, true).whole(openaiResponsesWire.whole(body))) as Response
    expect(written.output.map(told)).toEqual(body.output.map(told))
    expect(written.usage).toEqual(body.usage)
    expect(written.status).toBe(body.status)
  })

  test.each(names)('%s: a stream is written again as it was', (name) => {
    for (const events of answersOf(name)) {
      const { response } = events.at(-1) as { response: Response }
      const out = writer(response.model, true)
      const text = read(events)
        .map((event) => out.chunk([event]))
        .join('')
      const written = text
        .split('\n\n')
        .filter(Boolean)
        .map((each) => JSON.parse(each.slice(each.indexOf('data: ') + 6)) as Fields)
      const { response: last } = written.at(-1) as { response: Response }
      expect(last.output.map(told)).toEqual(itemsOf(events).map(told))
      expect(last.usage).toEqual(response.usage)
      // Items that have no word in the canonical events are written when they are complete.
      const kinds = (all: readonly Fields[]) =>
        all.map(({ type }) => type as string).filter((type) => !type.includes('custom_tool_call'))
      expect(kinds(written)).toEqual(kinds(events))
    }
  })

  test('openai-error.1: an answer that failed is an error', () => {
    const events = answersOf('openai-error.1')[0] ?? []
    expect(() => read(events)).toThrow('exceeded your current quota')
    const refusal = { provider: 'openai', status: 429, headers: {}, body: JSON.stringify(wholeOf('openai-error.1')) }
    expect(openaiResponsesWire.refusal(refusal)).toMatchObject({ code: 'quota_exceeded' })
  })
})
