// https://huggingface.co/NousResearch/Hermes-2-Pro-Llama-3-8B#prompt-format-for-function-calling
// and https://qwen.readthedocs.io/en/latest/framework/function_call.html
import type { AnswerReader, Reading } from './answer-reader.ts'
import { callObject, closing } from './json-call.ts'
import type { ToolFormat } from './tool-format.ts'

const open = '<tool_call>'
const close = '</tool_call>'

/** `<tool_call>\n{"name": "get_time", "arguments": {"city": "Paris"}}\n</tool_call>`, as often as there are calls. */
export const hermes: ToolFormat = {
  name: 'hermes',
  sign: /<tool_call>/,
  marker: open,
  endOfCall: close,
  syntax: {
    open: '',
    close: '',
    between: '\n',
    before: (name) => `${open}\n{"name": ${JSON.stringify(name)}, "arguments": `,
    after: `}\n${close}`,
  },
  *parse(reader, tools) {
    while (yield* reader.until([open], (text) => reader.prose('text', text))) {
      if (!(yield* reader.attempt(call(reader, tools)))) reader.prose('text', open)
    }
  },
}

function* call(reader: AnswerReader, tools: ReadonlySet<string>): Reading<boolean> {
  yield* reader.skipSpace()
  if (!(yield* callObject(reader, tools))) return false
  yield* closing(reader, close)
  return true
}
