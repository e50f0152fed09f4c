// https://docs.mistral.ai/capabilities/function_calling and the tokenizers of
// https://github.com/mistralai/mistral-common/tree/main/src/mistral_common/tokens/tokenizers
import type { AnswerReader, Reading } from './answer-reader.ts'
import { callArguments, callObjects } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'

const marker = '[TOOL_CALLS]'

function* parse(reader: AnswerReader, tools: ReadonlySet<string>): Reading<void> {
  while (yield* reader.until([marker], (text) => reader.prose('text', text))) {
    if (!(yield* reader.attempt(calls(reader, tools)))) reader.prose('text', marker)
  }
}

function* calls(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  yield* reader.skipSpace()
  const name = yield* reader.run(/[\w.-]*/y)
  if (name === '') return yield* callObjects(reader, tools)
  if (!tools.has(name)) return false
  if (yield* reader.accept('[CALL_ID]')) yield* reader.run(/\w*/y)
  yield* reader.accept('[ARGS]')
  return yield* callArguments(reader, name)
}

/** Version 11 and later: `[TOOL_CALLS]get_time[ARGS]{"city": "Paris"}`, as often as there are calls. */
export const mistralNamed: ToolFormat = {
  name: 'mistral-named',
  sign: /\[TOOL_CALLS\][^]*\[ARGS\]/,
  marker,
  syntax: { open: '', close: '', between: '', before: (name) => `${marker}${name}[ARGS]`, after: '' },
  parse,
}

/** Up to version 7: `[TOOL_CALLS][{"name": "get_time", "arguments": {"city": "Paris"}}]`. */
export const mistralList: ToolFormat = {
  name: 'mistral-list',
  sign: /\[TOOL_CALLS\]/,
  marker,
  syntax: {
    open: `${marker}[`,
    close: ']',
    between: ', ',
    before: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    after: '}',
  },
  parse,
}
