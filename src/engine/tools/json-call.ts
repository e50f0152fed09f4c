import type { AnswerReader, Reading } from './answer-reader.ts'

/**
 * Reads one JSON value and passes its text on, byte for byte, as it comes. Only its brackets and strings are followed:
 * what a model wrote wrongly inside stays as it wrote it. False when it breaks off; `<` can only be markup there.
 */
function* jsonValue(reader: AnswerReader, pass: (text: string) => void): Reading<boolean> {
  const closers: string[] = []
  let inString = false
  let escaped = false
  let begun = false
  for (;;) {
    const rest = reader.rest
    for (let at = 0; at < rest.length; at++) {
      const character = rest[at] ?? ''
      if (inString) {
        if (escaped) escaped = false
        else if (character === '\\') escaped = true
        else if (character === '"') inString = false
        if (inString || closers.length > 0) continue
        return passed(reader, rest.slice(0, at + 1), pass, true)
      }
      if (character === '"') inString = true
      else if (character === '{' || character === '[') closers.push(character)
      else if (character === '}' || character === ']') {
        if (closers.length === 0) return passed(reader, rest.slice(0, at), pass, begun)
        closers.pop()
        if (closers.length === 0) return passed(reader, rest.slice(0, at + 1), pass, true)
      } else if (character === '<') return passed(reader, rest.slice(0, at), pass, false)
      else if (closers.length === 0 && /[\s,;]/.test(character)) {
        return passed(reader, rest.slice(0, at), pass, begun)
      }
      begun = true
    }
    passed(reader, rest, pass, true)
    if (!(yield* reader.more())) return begun && closers.length === 0 && !inString
  }
}

function passed(reader: AnswerReader, text: string, pass: (text: string) => void, result: boolean): boolean {
  reader.skip(text.length)
  pass(text)
  return result
}

/** The value of a JSON string, or undefined where there is none. */
function* jsonString(reader: AnswerReader): Reading<string | undefined> {
  if (!(yield* reader.startsWith('"'))) return undefined
  let text = ''
  const whole = yield* jsonValue(reader, (piece) => (text += piece))
  if (!whole) return undefined
  try {
    return String(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Reads the arguments of a call whose name is known, as the JSON object that comes next. */
export function* callArguments(reader: AnswerReader, name: string): Reading<boolean> {
  yield* reader.skipSpace()
  if (!(yield* reader.startsWith('{'))) return false
  reader.startCall(name)
  yield* jsonValue(reader, (piece) => reader.callArguments(piece))
  reader.endCall()
  return true
}

function tellCall(reader: AnswerReader, name: string, text: string): void {
  reader.startCall(name)
  reader.callArguments(text)
  reader.endCall()
}

const passedOver = new Set(['type', 'id', 'index'])

/**
 * Reads a call as an object: `{"name": "get_time", "arguments": {…}}`, where Llama says `parameters`.
 * False when it is none, or names no tool; an object of other things is told by its first key.
 */
export function* callObject(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  if (!(yield* reader.accept('{'))) return false
  let name: string | undefined
  let early: string | undefined
  let told = false
  for (let first = true; ; first = false) {
    yield* reader.skipSpace()
    if (yield* reader.accept('}')) break
    if (!first && !(yield* reader.accept(','))) return told
    yield* reader.skipSpace()
    const key = yield* jsonString(reader)
    yield* reader.skipSpace()
    if (key === undefined || !(yield* reader.accept(':'))) return told
    yield* reader.skipSpace()
    if (key === 'name') {
      name = yield* jsonString(reader)
      if (name === undefined || !tools.has(name)) return told
    } else if (key !== 'arguments' && key !== 'parameters') {
      if (!told && !passedOver.has(key)) return false
      if (!(yield* jsonValue(reader, ignore))) return told
    } else if (name !== undefined && !told && (yield* reader.startsWith('{'))) {
      told = yield* callArguments(reader, name)
    } else {
      const value = yield* looseArguments(reader)
      if (value === undefined) return told
      early ??= value
    }
    if (name !== undefined && early !== undefined && !told) {
      tellCall(reader, name, early)
      told = true
    }
  }
  if (told) return true
  if (name === undefined) return false
  tellCall(reader, name, '{}')
  return true
}

/** Arguments before their name, as a string that holds JSON, or null for none. */
function* looseArguments(reader: AnswerReader): Reading<string | undefined> {
  if (yield* reader.startsWith('"')) return yield* jsonString(reader)
  if (yield* reader.accept('null')) return '{}'
  if (!(yield* reader.startsWith('{'))) return undefined
  let text = ''
  const whole = yield* jsonValue(reader, (piece) => (text += piece))
  return whole ? text : undefined
}

function ignore(): void {}

/** Calls as objects: in a list, or one after the other. */
export function* callObjects(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  const inList = yield* reader.accept('[')
  yield* reader.skipSpace()
  if (!(yield* callObject(reader, tools))) return false
  while (yield* reader.attempt(nextObject(reader, tools)));
  if (inList) yield* closing(reader, ']')
  return true
}

function* nextObject(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  yield* reader.skipSpace()
  if (!(yield* reader.accept(','))) yield* reader.accept(';')
  yield* reader.skipSpace()
  return yield* callObject(reader, tools)
}

/** Reads the marker after a call, and brackets too many in front of it; an answer may end before its end. */
export function closing(reader: AnswerReader, marker: string): Reading<boolean> {
  return reader.attempt(closingMarker(reader, marker))
}

function* closingMarker(reader: AnswerReader, marker: string): Reading<boolean> {
  yield* reader.run(marker === ']' ? /[\s}]*/y : /[\s}\]]*/y)
  if (yield* reader.accept(marker)) return true
  if (!reader.ended || !marker.startsWith(reader.rest)) return false
  reader.skip(reader.rest.length)
  return true
}
