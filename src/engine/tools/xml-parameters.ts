// Qwen3-Coder's, and of others trained like it: https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct, in
// chat_template.jinja and qwen3coder_tool_parser.py
import type { JsonSchema } from '../../canonical/request.ts'
import type { AnswerReader, Reading } from './answer-reader.ts'
import { closing } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'
import { parametersGrammar } from './xml-grammar.ts'
import { parametersOf, typeOf, typesOf, type ValueType } from './xml-types.ts'

const open = '<tool_call>'
const close = '</tool_call>'
const functionOpen = '<function='
const functionClose = '</function>'
const parameterOpen = '<parameter='
// A value has a line for itself; models forget the end of one at times, and go on with what comes after it.
const valueEnds = ['\n</parameter>', '</parameter>', `\n${parameterOpen}`, `\n${functionClose}`]

/**
 * `<tool_call>\n<function=get_time>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>`: strings as they
 * are, other values as JSON. Which of them a parameter is, its tool's schema tells.
 */
export const xmlParameters: ToolFormat = {
  name: 'xml-parameters',
  sign: /<parameter=/,
  marker: open,
  endOfCall: close,
  syntax: {
    open: '',
    close: '',
    between: '\n',
    before: (name) => `${open}\n${functionOpen}${name}>\n`,
    after: `${functionClose}\n${close}`,
  },
  argumentsGrammar: parametersGrammar,
  *parse(reader, tools, schemas) {
    for (;;) {
      // Some calls come without their opening tag.
      const marker = yield* reader.until([open, functionOpen], (text) => reader.prose('text', text))
      if (marker === undefined) return
      const named = marker === functionOpen
      if (!(yield* reader.attempt(call(reader, { tools, schemas, named })))) reader.prose('text', marker)
    }
  },
}

interface Callable {
  readonly tools: ReadonlySet<string>
  readonly schemas: ReadonlyMap<string, JsonSchema | undefined>
  /** Whether the tag before the name has been read. */
  readonly named: boolean
}

function* call(reader: AnswerReader, { tools, schemas, named }: Callable): Reading<boolean> {
  yield* reader.skipSpace()
  if (!named && !(yield* reader.accept(functionOpen))) return false
  const name = yield* reader.run(/[^>\s]*/y)
  if (!tools.has(name) || !(yield* reader.accept('>'))) return false
  reader.startCall(name)
  reader.callArguments('{')
  const whole = yield* parameters(reader, schemas.get(name))
  // What was cut off must not look complete.
  if (whole) reader.callArguments('}')
  reader.endCall()
  yield* closing(reader, functionClose)
  yield* closing(reader, close)
  return true
}

/** False when the answer breaks off among them. */
function* parameters(reader: AnswerReader, schema: JsonSchema | undefined): Reading<boolean> {
  const known = parametersOf(schema)
  for (let separator = ''; ; separator = ', ') {
    yield* reader.skipSpace()
    if (!(yield* reader.accept(parameterOpen))) return !breaksOff(reader)
    const key = yield* reader.run(/[^>\n]*/y)
    if (!(yield* reader.accept('>'))) return !reader.ended
    yield* reader.accept('\n')
    const types = typesOf(known.get(key), schema)
    const before = `${separator}${JSON.stringify(key)}: `
    const justText = types.size === 1 && types.has('string')
    if (!(yield* justText ? textValue(reader, before) : otherValue(reader, before, types))) return false
  }
}

/** Whether the answer ends here, or within the tag that could have come. */
function breaksOff(reader: AnswerReader): boolean {
  return reader.ended && parameterOpen.startsWith(reader.rest)
}

/** Passes on a text as JSON, as it comes. */
function* textValue(reader: AnswerReader, before: string): Reading<boolean> {
  reader.callArguments(`${before}"`)
  let held = ''
  const end = yield* value(reader, (piece) => {
    const text = held + piece
    // Half of a character outside the basic plane waits for the other half.
    held = /[\ud800-\udbff]$/.exec(text)?.[0] ?? ''
    reader.callArguments(asJson(text.slice(0, text.length - held.length)))
  })
  if (end) reader.callArguments(`${asJson(held)}"`)
  return end
}

/** A text within a JSON string. */
function asJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function* otherValue(reader: AnswerReader, before: string, types: ReadonlySet<ValueType>): Reading<boolean> {
  let text = ''
  const end = yield* value(reader, (piece) => (text += piece))
  if (end) reader.callArguments(before + jsonOf(text, types))
  return end
}

function* value(reader: AnswerReader, pass: (text: string) => void): Reading<boolean> {
  const end = yield* reader.until(valueEnds, pass)
  if (end === undefined) return false
  if (!end.endsWith('</parameter>')) reader.skip(1 - end.length)
  return true
}

/** As Python writes them, which models do. */
const pythonWords = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
])

/** A value as JSON: as it was written where that is JSON of a type that may be, and as a string otherwise. */
function jsonOf(written: string, types: ReadonlySet<ValueType>): string {
  const trimmed = written.trim()
  const text = pythonWords.get(trimmed) ?? trimmed
  try {
    const type = typeOf(JSON.parse(text))
    // Where no string may be, what was written is left for the tool to judge.
    if (types.has(type) || !types.has('string')) return text
  } catch {
    // It is no JSON.
  }
  return JSON.stringify(written)
}
