// https://huggingface.co/deepseek-ai/DeepSeek-V3.1#toolcall and the chat template of
// https://huggingface.co/deepseek-ai/DeepSeek-R1/blob/main/tokenizer_config.json
import type { AnswerReader, Reading } from './answer-reader.ts'
import { callArguments, closing } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'

const callsBegin = '<｜tool▁calls▁begin｜>'
const callsEnd = '<｜tool▁calls▁end｜>'
const callBegin = '<｜tool▁call▁begin｜>'
const callEnd = '<｜tool▁call▁end｜>'
const separator = '<｜tool▁sep｜>'

function* parse(reader: AnswerReader, tools: ReadonlySet<string>): Reading<void> {
  for (;;) {
    const marker = yield* reader.until([callsBegin, callBegin], (text) => reader.prose('text', text))
    if (marker === undefined) return
    if (!(yield* reader.attempt(calls(reader, tools, marker === callBegin)))) reader.prose('text', marker)
  }
}

function* calls(reader: AnswerReader, tools: ReadonlySet<string>, begun: boolean): Reading<boolean> {
  if (!(yield* call(reader, tools, begun))) return false
  while (yield* reader.attempt(call(reader, tools, false)));
  yield* closing(reader, callsEnd)
  return true
}

function* call(reader: AnswerReader, tools: ReadonlySet<string>, begun: boolean): Reading<boolean> {
  yield* reader.skipSpace()
  if (!begun && !(yield* reader.accept(callBegin))) return false
  let name = yield* reader.run(/[\w.-]*/y)
  if (!(yield* reader.accept(separator))) return false
  yield* reader.skipSpace()
  const fenced = !(yield* reader.startsWith('{'))
  if (fenced) {
    // The older form writes the word `function` first and the name after the separator.
    name = yield* reader.run(/[\w.-]*/y)
    yield* reader.skipSpace()
    yield* reader.accept('```json')
  }
  if (!tools.has(name) || !(yield* callArguments(reader, name))) return false
  if (fenced) yield* closing(reader, '```')
  yield* closing(reader, callEnd)
  return true
}

/** R1 and V3: the word `function`, the name, and the arguments in a fence. */
export const deepseekFenced: ToolFormat = {
  name: 'deepseek-fenced',
  sign: /<｜tool▁calls▁begin｜>[^]*```json/,
  marker: callsBegin,
  endOfCall: callEnd,
  syntax: {
    open: callsBegin,
    close: callsEnd,
    between: '\n',
    before: (name) => `${callBegin}function${separator}${name}\n\`\`\`json\n`,
    after: `\n\`\`\`${callEnd}`,
  },
  parse,
}

/** V3.1: the name and the arguments, nothing else. */
export const deepseekBare: ToolFormat = {
  name: 'deepseek-bare',
  sign: /<｜tool▁calls▁begin｜>/,
  marker: callsBegin,
  endOfCall: callEnd,
  syntax: {
    open: callsBegin,
    close: callsEnd,
    between: '',
    before: (name) => `${callBegin}${name}${separator}`,
    after: callEnd,
  },
  parse,
}
