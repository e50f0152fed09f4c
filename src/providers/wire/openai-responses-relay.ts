import { isRecord, recordOf } from './fields.ts'
import { ResponsesReader, responsesUsage } from './openai-responses-reader.ts'
import { errorThrownBy } from './reported-error.ts'
import type { RelayWatch, Seen } from './wire.ts'

const eventField = Buffer.from('event:')
/** Within a JSON text quotes are escaped, so that no output can contain these. */
const typeMarks = [Buffer.from('"type":"'), Buffer.from('"type": "')]
const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Watches a stream of responses by the names of its events; only the last one is parsed. */
export function watchResponsesStream(): RelayWatch {
  let complete = false
  return {
    get complete() {
      return complete
    },
    see(event) {
      const bytes = Buffer.from(event.buffer, event.byteOffset, event.byteLength)
      const name = nameOf(bytes)
      if (name.endsWith('.delta')) return { deltas: 1 }
      if (name === 'response.failed' || name === 'error') {
        complete = true
        return { deltas: 0, ...errorThrownBy(() => new ResponsesReader().read({ data: dataOf(bytes) })) }
      }
      if (name !== 'response.completed' && name !== 'response.incomplete') return { deltas: 0 }
      complete = true
      const body: unknown = JSON.parse(dataOf(bytes))
      return { deltas: 0, ...endOf(recordOf(recordOf(body)['response'])) }
    },
  }
}

export function watchWholeResponse(): RelayWatch {
  let complete = false
  return {
    get complete() {
      return complete
    },
    see(bytes) {
      const body: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
      // Also one that is made in the background, and is queued so far.
      complete = isRecord(body) && (body['object'] === 'response' || Array.isArray(body['output']))
      const failed = isRecord(recordOf(body)['error'])
      return {
        deltas: 1,
        ...endOf(recordOf(body)),
        ...(failed && errorThrownBy(() => new ResponsesReader().whole(body))),
      }
    },
  }
}

function dataOf(event: Buffer): string {
  const text = event.toString()
  return text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)
}

function endOf(response: Readonly<Record<string, unknown>>): Omit<Seen, 'deltas'> {
  const usage = responsesUsage(response)
  const finishReason = finishReasonOf(response)
  return { ...(usage && { usage }), ...(finishReason !== undefined && { finishReason }) }
}

/** The same that a reader makes of it; an answer that failed is the client's to see. */
function finishReasonOf(response: Readonly<Record<string, unknown>>): Seen['finishReason'] {
  if (response['status'] !== 'completed' && response['status'] !== 'incomplete') return undefined
  try {
    const end = new ResponsesReader().whole(response).find((event) => event.type === 'text-end')
    return end?.finishReason
  } catch {
    return undefined
  }
}

/** Of an event: the field `event`, or the `type` within its data where a server leaves the field out. */
function nameOf(bytes: Buffer): string {
  if (bytes.subarray(0, eventField.length).equals(eventField)) {
    const line = bytes.indexOf(lineFeed)
    const end = line > 0 && bytes[line - 1] === carriageReturn ? line - 1 : line
    return bytes.toString('latin1', eventField.length, end === -1 ? bytes.length : end).trim()
  }
  for (const mark of typeMarks) {
    for (let found = bytes.indexOf(mark); found !== -1; found = bytes.indexOf(mark, found + mark.length)) {
      const start = found + mark.length
      const name = bytes.toString('latin1', start, bytes.indexOf(quote, start))
      // Parts and items within the event have types too.
      if (name.startsWith('response.') || name === 'error') return name
    }
  }
  return ''
}
