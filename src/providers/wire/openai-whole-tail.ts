import { isRecord } from './fields.ts'

const choicesMark = Buffer.from('"choices":[')
const finishMark = Buffer.from('"finish_reason":')
const backslash = 0x5c
/** What is looked for beside the choices; nearly always it comes after them. */
const besideChoices = ['"error"', '"service_tier"', '"usage"']

/**
 * The end of a whole chat answer as an object of its own: its one choice without the message, and all that follows.
 * What is looked for stands there, behind text that can be long. Undefined where that is not certain, so that all of it
 * has to be read.
 *
 * The marks cannot be within a text, whose quotes are escaped. And what begins with `{"choices":[{"finish_reason":` is
 * JSON only where the mark is a member of an object in a list of the answer itself: elsewhere some bracket is left over.
 */
export function wholeTail(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  const choicesAt = bytes.indexOf(choicesMark)
  const finishAt = bytes.lastIndexOf(finishMark)
  if (choicesAt === -1 || bytes.indexOf(finishMark) !== finishAt || finishAt < choicesAt) return undefined
  // The end of another name looks alike: `"my\"choices":`
  if (bytes[choicesAt - 1] === backslash || bytes[finishAt - 1] === backslash) return undefined
  const head = bytes.toString('latin1', 0, choicesAt)
  if (besideChoices.some((mark) => head.includes(mark))) return undefined
  try {
    const tail: unknown = JSON.parse(`{"choices":[{${bytes.toString('utf8', finishAt)}`)
    // Without usage beside the choices there may be some within the one, and before the mark.
    return isRecord(tail) && isRecord(tail['usage']) ? tail : undefined
  } catch {
    return undefined
  }
}
