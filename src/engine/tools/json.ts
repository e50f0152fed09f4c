import type { AnswerReader, Reading } from './answer-reader.ts'
import { callObjects, closing } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'

/** For templates that know no form of their own: the answer is a call written as JSON, or several, or it is text. */
export const json: ToolFormat = {
  name: 'json',
  sign: /^/,
  marker: '',
  syntax: {
    open: '',
    close: '',
    before: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    after: '}',
  },
  *parse(reader, tools) {
    yield* reader.attempt(calls(reader, tools))
    yield* reader.until([], (text) => reader.prose('text', text))
  },
}

function* calls(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  yield* reader.skipSpace()
  const fenced = yield* reader.accept('```')
  if (fenced) yield* reader.accept('json')
  yield* reader.skipSpace()
  if (!(yield* callObjects(reader, tools))) return false
  if (fenced) yield* closing(reader, '```')
  return true
}
