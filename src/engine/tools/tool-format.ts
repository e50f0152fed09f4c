import type { JsonSchema } from '../../canonical/request.ts'
import type { AnswerReader, Reading } from './answer-reader.ts'

/** How a format writes calls, for a grammar that makes the model write them. */
interface CallSyntax {
  /** Before the first call and after the last. */
  readonly open: string
  readonly close: string
  /** Between two calls; absent where an answer has only one. */
  readonly between?: string
  /** Around the arguments of one call. */
  readonly before: (name: string) => string
  readonly after: string
}

/** Text that encloses what a model thinks. */
export interface ReasoningTags {
  readonly open: string
  readonly close: string
}

/** A way in which models write tool calls into their answers. */
export interface ToolFormat {
  readonly name: string
  /** What a chat template contains that was written for it. */
  readonly sign: RegExp
  /** Reads a whole answer after its reasoning; what is no call of a known tool is text. */
  parse(
    reader: AnswerReader,
    tools: ReadonlySet<string>,
    schemas: ReadonlyMap<string, JsonSchema | undefined>,
  ): Reading<void>
  readonly syntax: CallSyntax
  /** The grammar of arguments that meet a schema, where they are not written as JSON. */
  readonly argumentsGrammar?: (schema: unknown, path: string) => string
  /** What only a call begins with; empty where any text may begin alike. */
  readonly marker: string
  /** Ends the first call of an answer, where something does that ends nothing else. */
  readonly endOfCall?: string
  /** Present when the format has its own way to think and to answer, so that every answer is read by it. */
  readonly channels?: { readonly reasoning: ReasoningTags; readonly answer: string }
}
