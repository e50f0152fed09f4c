import type { FinishReason } from '../../canonical/events.ts'
import { isRecord, listOf, recordOf } from './fields.ts'
import { reportedError } from './gemini-refusal.ts'
import { geminiFinishReason } from './gemini-finish-reason.ts'
import { geminiUsage, usageMetadata } from './gemini-usage.ts'
import type { RelayWatch, Seen } from './wire.ts'

const partMarks = ['"text":', '"functionCall":', '"inlineData":', '"executableCode":'].map((mark) => Buffer.from(mark))
const finishMark = Buffer.from('"finishReason":')
const usageMark = Buffer.from('"usageMetadata":')
const blockMark = Buffer.from('"blockReason":')
const errorMark = Buffer.from('"error":')

/**
 * Watches an answer as it is passed on. Marks are sought in bytes, which is safe: within a JSON text quotes are escaped.
 * Usage comes with every piece and only the last one's counts, so only those from the end on are parsed.
 */
export function watchGemini(stream: boolean): RelayWatch {
  let complete = false
  let calls = false
  return {
    get complete() {
      return complete
    },
    see(event) {
      const bytes = Buffer.from(event.buffer, event.byteOffset, event.byteLength)
      const deltas = partMarks.some((mark) => bytes.includes(mark)) ? 1 : 0
      if (!stream) {
        const body = recordOf(JSON.parse(bytes.toString()))
        complete = Array.isArray(body['candidates']) || isRecord(body['promptFeedback']) || isRecord(body['error'])
        return { deltas, ...endOf(body, bytes.includes('"functionCall":')), ...errorIn(body) }
      }
      calls ||= bytes.includes('"functionCall":')
      const ends = [finishMark, blockMark, errorMark].some((mark) => bytes.includes(mark))
      if (!ends && !(complete && bytes.includes(usageMark))) return { deltas }
      const body = bodyOf(bytes)
      const seen = endOf(body, calls)
      complete ||= seen.finishReason !== undefined || isRecord(body['promptFeedback']) || isRecord(body['error'])
      return { deltas, ...seen, ...errorIn(body) }
    },
  }
}

function bodyOf(event: Buffer): Readonly<Record<string, unknown>> {
  const text = event.toString()
  return recordOf(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)))
}

function endOf(body: Readonly<Record<string, unknown>>, calls: boolean): Omit<Seen, 'deltas'> {
  const reasons = listOf(body['candidates']).map((each) => recordOf(each)['finishReason'])
  const reason = reasons.find((each) => typeof each === 'string')
  const blocked = typeof recordOf(body['promptFeedback'])['blockReason'] === 'string'
  const finishReason: FinishReason | undefined =
    reason === undefined ? (blocked ? 'content-filter' : undefined) : geminiFinishReason(reason, calls)
  const usage = usageMetadata.safeParse(body['usageMetadata']).data
  return { ...(finishReason !== undefined && { finishReason }), ...(usage && { usage: geminiUsage(usage) }) }
}

function errorIn({ error }: Readonly<Record<string, unknown>>): Pick<Seen, 'error'> {
  return isRecord(error) ? { error: reportedError(error) } : {}
}
