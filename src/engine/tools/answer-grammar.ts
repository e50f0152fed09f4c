import { checkGrammar } from '../grammar/check.ts'
import { grammarOfJsonSchema, jsonObjectGrammar } from '../grammar/json-schema.ts'
import type { GenerateRequest, JsonSchema, Tool, ToolChoice } from '../../canonical/request.ts'
import { literal, prefixed, untilMarker } from './gbnf.ts'
import type { ReasoningTags, ToolFormat } from './tool-format.ts'

export interface AnswerForm {
  readonly format: ToolFormat
  /** Absent when the model does not think, or was asked not to. */
  readonly reasoning?: ReasoningTags
  /** Whether the prompt ends inside the reasoning. */
  readonly begun: boolean
}

type Asked = Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls' | 'responseFormat' | 'grammar'>

/**
 * The grammar that makes a model answer in the form that was asked for; undefined when any answer will do.
 * What a model thinks first is left free.
 */
export function answerGrammar(asked: Asked, form: AnswerForm): string | undefined {
  const content = contentGrammar(asked)
  const calls = callRules(asked, form.format, content !== undefined)
  if (content === undefined && !calls) return undefined
  const rules: string[] = [...(calls?.rules ?? [])]
  const answers: string[] = []
  if (content !== undefined && !calls?.enforced) {
    rules.push(prefixed(content, 'content-'))
    answers.push(`${literal(form.format.channels?.answer ?? '')} content-root`)
  }
  if (calls) answers.push(calls.root)
  rules.push(`answer ::= ${answers.join(' | ')}`)
  const { reasoning, begun } = form
  if (!reasoning) return [`root ::= answer`, ...rules, ''].join('\n')
  const thinks = begun ? 'thinks-0' : `(${literal(reasoning.open)} thinks-0 | answer)`
  const thinking = untilMarker('thinks', reasoning.close, 'answer-after')
  return [`root ::= ${thinks}`, ...thinking, 'answer-after ::= [\\n]* answer', ...rules, ''].join('\n')
}

function contentGrammar({ responseFormat: format, grammar }: Asked): string | undefined {
  if (grammar !== undefined) {
    checkGrammar(grammar, 'grammar')
    return grammar
  }
  if (format?.type === 'json') return jsonObjectGrammar
  if (format?.type === 'json-schema') return grammarOfJsonSchema(format.schema, 'response_format.json_schema.schema')
  return undefined
}

interface CallRules {
  readonly root: string
  readonly rules: readonly string[]
  /** Whether there must be a call. */
  readonly enforced: boolean
}

/** Calls are held to the format and to their schemas when there must be one, or a tool says `strict`. */
function callRules(asked: Asked, format: ToolFormat, withContent: boolean): CallRules | undefined {
  const { tools = [], toolChoice = 'auto', parallelToolCalls = true } = asked
  const enforced = toolChoice === 'required' || typeof toolChoice === 'object'
  const strict = tools.some((tool) => tool.strict)
  if (tools.length === 0 || toolChoice === 'none') return undefined
  if (!enforced && !strict && !withContent) return undefined
  const { syntax, marker, argumentsGrammar = grammarOfJsonSchema } = format
  const rules = chosen(tools, toolChoice).flatMap(({ tool, index }, at) => {
    const whole = syntax.open + syntax.before(tool.name)
    const schema = enforced || tool.strict ? argumentsSchema(tool.parameters) : { type: 'object' }
    const before = syntax.before(tool.name)
    // Right after a marker that the model has written freely, only the rest of the first call is still to come.
    return [
      prefixed(argumentsGrammar(schema, `tools[${index}].function.parameters`), `tool-${at}-`),
      `first-${at} ::= ${literal(whole.slice(marker.length))} tool-${at}-root ${literal(syntax.after)}`,
      `next-${at} ::= ${literal(before)} tool-${at}-root ${literal(syntax.after)}`,
    ]
  })
  const count = rules.length / 3
  const oneOf = (name: string) => Array.from({ length: count }, (_, at) => `${name}-${at}`).join(' | ')
  const parallel = parallelToolCalls && typeof toolChoice !== 'object' && syntax.between !== undefined
  const more = parallel ? `(${literal(syntax.between ?? '')} (${oneOf('next')}))*` : ''
  rules.push(`calls-rest ::= (${oneOf('first')}) ${more} ${literal(syntax.close)}`)
  const root = `${literal(marker)} calls-rest`
  if (enforced || withContent) return { root, rules, enforced }
  if (marker === '') return { root: `(${root} | ([^\\x7b] .*)?)`, rules, enforced }
  return { root: 'free-0', rules: [...rules, ...untilMarker('free', marker, 'calls-rest', true)], enforced }
}

function chosen(tools: readonly Tool[], choice: ToolChoice): { tool: Tool; index: number }[] {
  const all = tools.map((tool, index) => ({ tool, index }))
  return typeof choice === 'object' ? all.filter(({ tool }) => tool.name === choice.name) : all
}

/** Arguments are always an object, also where a schema does not say so; no schema means no arguments. */
function argumentsSchema(parameters: JsonSchema | undefined): JsonSchema {
  if (parameters === undefined) return { type: 'object', properties: {}, additionalProperties: false }
  return typeof parameters === 'object' ? { type: 'object', ...parameters } : { type: 'object' }
}
