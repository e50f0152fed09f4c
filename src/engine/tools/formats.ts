import { deepseekBare, deepseekFenced } from './deepseek.ts'
import { harmony } from './harmony.ts'
import { hermes } from './hermes.ts'
import { json } from './json.ts'
import { llama } from './llama.ts'
import { mistralList, mistralNamed } from './mistral.ts'
import { xmlParameters } from './xml-parameters.ts'
import type { AnswerReader, Reading } from './answer-reader.ts'
import type { ReasoningTags, ToolFormat } from './tool-format.ts'

/** The first whose sign is in the template is taken. */
const formats = [harmony, deepseekFenced, deepseekBare, mistralNamed, mistralList, llama, xmlParameters, hermes, json]

export function toolFormatOf(template: string): ToolFormat {
  return formats.find(({ sign }) => sign.test(template)) ?? json
}

const reasoningTags: readonly ReasoningTags[] = [
  { open: '<think>', close: '</think>' },
  // https://docs.mistral.ai/capabilities/reasoning
  { open: '[THINK]', close: '[/THINK]' },
]

/** How the models of a template enclose what they think; undefined when they do not. */
export function reasoningTagsOf(template: string): ReasoningTags | undefined {
  return reasoningTags.find(({ open, close }) => template.includes(open) || template.includes(close))
}

/** Reads what a model thinks before its answer, or nothing; `begun` when its prompt has opened the tags already. */
export function* readReasoning(reader: AnswerReader, tags: ReasoningTags, begun: boolean): Reading<void> {
  const opened = yield* reader.attempt(opening(reader, tags.open))
  if (opened || begun) yield* reader.until([tags.close], (text) => reader.prose('reasoning', text))
}

function* opening(reader: AnswerReader, open: string): Reading<boolean> {
  yield* reader.skipSpace()
  return yield* reader.accept(open)
}
