import type { FinishReason } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import { asBuffer } from '../../transport/latin1.ts'
import type { RelayRequest } from '../provider.ts'
import { isRecord, listOf, recordOf, textOf } from './fields.ts'
import type { ChatOptions } from './openai-chat-options.ts'
import { openaiFinishReason } from './openai-finish-reason.ts'
import { throwReportedError } from './openai-stream-error.ts'
import { openaiUsage } from './openai-usage.ts'
import { errorThrownBy } from './reported-error.ts'
import type { GenerateWire, RelayWatch, Seen } from './wire.ts'

const quote = 0x22
const brace = 0x7b
const bracket = 0x5b

/** Names whose value is output where it is a text that is not empty. */
const textMarks = ['"content":', '"reasoning_content":', '"reasoning":', '"refusal":', '"text":'].map((mark) =>
  Buffer.from(mark),
)
const callsMark = Buffer.from('"tool_calls":')
const finishMark = Buffer.from('"finish_reason":')
const usageMark = Buffer.from('"usage":')
const errorMark = Buffer.from('"error":')
const doneMark = Buffer.from('[DONE]')

/**
 * How requests of either wire are passed on: a stream is asked for its usage where its client left that out and the
 * provider knows the question.
 */
export function openaiRelay(
  path: (model: string) => string,
  { streamOptions }: Pick<ChatOptions, 'streamOptions'>,
): NonNullable<GenerateWire['relay']> {
  const mayAddUsage = streamOptions !== false
  return {
    request: (request) => ({
      path: path(request.model),
      body: mayAddUsage && addsUsage(request) ? withUsage(request.body) : request.body,
      headers: request.headers,
    }),
    watch: (stream, request) =>
      stream
        ? watchStream(request, { usageAdded: mayAddUsage && request !== undefined && addsUsage(request) })
        : watchWhole(),
  }
}

/**
 * Watches streams of OpenAI's chat and completions. Marks are sought in bytes, which is safe: within a JSON text quotes
 * are escaped, so that no output can contain `"usage":`. Only events that end a choice or tell usage are parsed.
 */
function watchStream(request: RelayRequest | undefined, { usageAdded }: { usageAdded: boolean }): RelayWatch {
  const expected = choicesOf(request?.body ?? '')
  const finished = new Set<unknown>()
  let ended = false
  let reported: ReturnType<typeof errorThrownBy> = {}
  return {
    get complete() {
      return ended || finished.size >= expected
    },
    see(event) {
      const bytes = asBuffer(event)
      if (bytes.length < 24 && bytes.includes(doneMark)) ended = true
      // The client is told by the provider itself, and nothing comes after it.
      if (anyStarts(bytes, errorMark, brace) || anyStarts(bytes, errorMark, quote)) {
        ended = true
        reported = errorThrownBy(() => throwReportedError(bodyOf(bytes)))
      }
      const deltas = hasOutput(bytes) ? 1 : 0
      if (!anyStarts(bytes, finishMark, quote) && !anyStarts(bytes, usageMark, brace)) return { deltas, ...reported }
      const body = bodyOf(bytes)
      for (const [index, choice] of listOf(body['choices']).map(recordOf).entries()) {
        if (textOf(choice['finish_reason']) !== undefined) finished.add(choice['index'] ?? index)
      }
      const hidden = usageAdded && isRecord(body['usage']) && listOf(body['choices']).length === 0
      return { deltas, ...endOf(body), ...reported, ...(hidden && { hidden }) }
    },
  }
}

function watchWhole(): RelayWatch {
  return new WholeWatch()
}

/** One is made for each answer: of a class, that costs a tenth of an object with a getter of its own. */
class WholeWatch implements RelayWatch {
  complete = false

  see(bytes: Uint8Array): Seen {
    // All of it, so that a client who asked for JSON is given JSON.
    const body = recordOf(JSON.parse(asBuffer(bytes).toString()))
    this.complete = Array.isArray(body['choices']) || isRecord(body['error'])
    const { finishReason, usage } = endOf(body)
    const end = { deltas: 1, finishReason, usage, model: textOf(body['model']) }
    return body['error'] === undefined ? end : { ...end, ...errorThrownBy(() => throwReportedError(body)) }
  }
}

/** Whether usage is to be asked for that the client did not ask for, and that OpenAI leaves out of streams otherwise. */
function addsUsage(request: RelayRequest): request is RelayRequest & { readonly body: string } {
  const { stream, body } = request
  return stream && typeof body === 'string' && !body.includes('"stream_options"')
}

/** The same body in the same bytes, with that. */
function withUsage(body: string): string {
  return body.replace('{', '{"stream_options":{"include_usage":true},')
}

/** Whether some value that follows a mark begins with a byte. */
function anyStarts(bytes: Buffer, mark: Buffer, first: number): boolean {
  for (let found = bytes.indexOf(mark); found !== -1; found = bytes.indexOf(mark, found + mark.length)) {
    if (bytes[afterSpaces(bytes, found + mark.length)] === first) return true
  }
  return false
}

function hasOutput(bytes: Buffer): boolean {
  for (const mark of textMarks) {
    const found = bytes.indexOf(mark)
    if (found === -1) continue
    const at = afterSpaces(bytes, found + mark.length)
    if (bytes[at] === quote && bytes[at + 1] !== quote) return true
  }
  return anyStarts(bytes, callsMark, bracket)
}

function afterSpaces(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x20) at++
  return at
}

function bodyOf(event: Buffer): Readonly<Record<string, unknown>> {
  const text = event.toString()
  return recordOf(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)))
}

function endOf(body: Readonly<Record<string, unknown>>): Omit<Seen, 'deltas'> {
  const end: { finishReason?: FinishReason; usage?: Usage } = {}
  for (const choice of listOf(body['choices'])) {
    const raw = textOf(recordOf(choice)['finish_reason'])
    if (raw === undefined) continue
    const reason = reasonOf(raw)
    if (reason !== undefined) end.finishReason = reason
    break
  }
  const usage = usageIn(body)
  if (usage) end.usage = usage
  return end
}

function usageIn(body: Readonly<Record<string, unknown>>): Usage | undefined {
  const tier = textOf(body['service_tier'])
  // https://platform.moonshot.ai/docs/api/chat: usage comes within the choice that ends.
  return openaiUsage(body['usage'], tier) ?? openaiUsage(recordOf(listOf(body['choices'])[0])['usage'], tier)
}

/** What is no ordinary end is the client's to see, not ours to throw. */
function reasonOf(raw: string): FinishReason | undefined {
  try {
    return openaiFinishReason(raw)
  } catch {
    return undefined
  }
}

/** How many choices a request asks for; a number that stands elsewhere in it only makes the watch more patient. */
function choicesOf(body: RelayRequest['body']): number {
  const given = typeof body === 'string' ? /"n"\s*:\s*(\d{1,3})\b/.exec(body)?.[1] : undefined
  return Math.max(1, Number(given ?? 1))
}
