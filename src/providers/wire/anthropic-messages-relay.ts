// https://platform.claude.com/docs/en/build-with-claude/streaming
import type { Seen, RelayWatch } from './wire.ts'
import { finishReasonOf } from './anthropic-messages-end.ts'
import { streamError } from './anthropic-messages-refusal.ts'
import { canonicalUsage, mergedUsage, usage as usageSchema, type MessagesUsage } from './anthropic-messages-usage.ts'
import { isRecord, recordOf, textOf } from './fields.ts'
import { errorThrownBy } from './reported-error.ts'

// Within a JSON text quotes are escaped, so that no output can contain a mark. Some servers write a space after the colon.
const marksOf = (type: string) => [Buffer.from(`"type":"${type}"`), Buffer.from(`"type": "${type}"`)]
const piece = marksOf('content_block_delta')
const start = marksOf('message_start')
const delta = marksOf('message_delta')
const stop = marksOf('message_stop')
const error = marksOf('error')

/** Counts pieces by their marks and parses the first and last events only, which tell usage. */
export function watchStream(): RelayWatch {
  let complete = false
  let usage: MessagesUsage = {}
  return {
    get complete() {
      return complete
    },
    see(event): Seen {
      const bytes = Buffer.from(event.buffer, event.byteOffset, event.byteLength)
      if (has(bytes, piece)) return { deltas: 1 }
      // The client is told of an error by the provider itself, and nothing comes after it.
      if (has(bytes, stop) || has(bytes, error)) complete = true
      if (has(bytes, error)) return { deltas: 0, ...errorThrownBy(() => throwError(bodyOf(bytes.toString()))) }
      const begins = has(bytes, start)
      if (!begins && !has(bytes, delta)) return { deltas: 0 }
      const body = bodyOf(bytes.toString())
      usage = mergedUsage(usage, usageIn(begins ? recordOf(body['message']) : body))
      if (begins) return { deltas: 0 }
      return { deltas: 0, ...endOf(recordOf(body['delta']), usage) }
    },
  }
}

export function watchWhole(): RelayWatch {
  let complete = false
  return {
    get complete() {
      return complete
    },
    see(bytes) {
      const body: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
      complete = isRecord(body) && (Array.isArray(body['content']) || body['type'] === 'error')
      const message = recordOf(body)
      return { deltas: 1, ...endOf(message, usageIn(message)), ...errorThrownBy(() => throwError(message)) }
    },
  }
}

function throwError(body: Readonly<Record<string, unknown>>): void {
  if (body['type'] === 'error') throw streamError(body)
}

function has(bytes: Buffer, marks: readonly Buffer[]): boolean {
  return marks.some((mark) => bytes.includes(mark))
}

function endOf(end: Readonly<Record<string, unknown>>, usage: MessagesUsage): Omit<Seen, 'deltas'> {
  const reason = textOf(end['stop_reason'])
  return { ...(reason !== undefined && { finishReason: finishReasonOf(reason) }), usage: canonicalUsage(usage) }
}

/** What cannot be understood is the client's to see, not ours to throw. */
function usageIn(body: Readonly<Record<string, unknown>>): MessagesUsage {
  return usageSchema.safeParse(body['usage']).data ?? {}
}

function bodyOf(event: string): Readonly<Record<string, unknown>> {
  return recordOf(JSON.parse(event.slice(event.indexOf('{'), event.lastIndexOf('}') + 1)))
}
