// https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/#json-based-tool-calling
import type { AnswerReader, Reading } from './answer-reader.ts'
import { callObjects } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'

const tag = '<|python_tag|>'

/** `{"name": "get_time", "parameters": {"city": "Paris"}}` as the whole answer, or after `<|python_tag|>`. */
export const llama: ToolFormat = {
  name: 'llama',
  sign: /<\|python_tag\|>|\{"name": function name, "parameters": /,
  marker: '',
  syntax: {
    open: '',
    close: '',
    before: (name) => `{"name": ${JSON.stringify(name)}, "parameters": `,
    after: '}',
  },
  *parse(reader, tools) {
    yield* reader.attempt(bare(reader, tools))
    while (yield* reader.until([tag], (text) => reader.prose('text', text))) {
      if (!(yield* reader.attempt(bare(reader, tools)))) reader.prose('text', tag)
    }
  },
}

function* bare(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  yield* reader.skipSpace()
  return yield* callObjects(reader, tools)
}
