// https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Tool, ToolChoice } from '../../canonical/request.ts'
import { freeObject, isRecord, text, withoutNulls } from '../parse-body.ts'
import { cacheControl, cacheMark } from './content.ts'
import { refused } from './refused.ts'

const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, 'must be 1 to 128 of a-z, A-Z, 0-9, _ and -')

const tool = withoutNulls(
  z.strictObject({
    type: z.literal('custom').optional(),
    name: toolName,
    description: text.optional(),
    input_schema: freeObject,
    strict: z.boolean().optional(),
    cache_control: cacheControl.optional(),
    // What follows says how Anthropic shows the tool to its model, or to tools of its own; these values ask for nothing.
    defer_loading: z.literal(false, 'every tool is shown to the model at once').optional(),
    eager_input_streaming: z.boolean().optional(),
    allowed_callers: z.tuple([z.literal('direct')], 'only ["direct"] is possible').optional(),
    input_examples: z.array(z.never()).max(0, 'examples can only be sent to Anthropic').optional(),
  }),
)

const parallel = { disable_parallel_tool_use: z.boolean().default(false) }
const toolChoice = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('auto'), ...parallel }),
    z.strictObject({ type: z.literal('any'), ...parallel }),
    z.strictObject({ type: z.literal('tool'), name: toolName, ...parallel }),
    z.strictObject({ type: z.literal('none') }),
  ],
  'must be one of auto, any, tool, none',
)

export const toolParameters = {
  tools: z.array(tool).max(1000, 'may have at most 1000 tools').default([]),
  tool_choice: toolChoice.optional(),
}

type Body = z.infer<z.ZodObject<typeof toolParameters>>

/** Tools that Anthropic runs, or whose form only its models know, have a type of their own: `web_search_20250305`. */
export function refuseServerTools(tools: unknown): void {
  if (!Array.isArray(tools)) return
  for (const [index, each] of (tools as readonly unknown[]).entries()) {
    const type = isRecord(each) ? each['type'] : undefined
    if (typeof type !== 'string' || type === 'custom') continue
    const remedy = "it is a tool of Anthropic's; send a tool of your own, or use a model of Anthropic"
    throw refused(`tools[${index}].type`, type, remedy)
  }
}

export function canonicalTools(body: Body): Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
  const tools = body.tools.map((each): Tool => ({
    name: each.name,
    ...(each.description !== undefined && { description: each.description }),
    parameters: each.input_schema,
    ...(each.strict !== undefined && { strict: each.strict }),
    ...cacheMark(each.cache_control),
  }))
  tools.forEach(({ name }, index) => {
    if (tools.findIndex((other) => other.name === name) === index) return
    const message = `Two tools are named '${name}'. Remedy: give each a name of its own.`
    throw new InferloomError('invalid_value', message, { param: `tools[${index}].name` })
  })
  const choice = choiceOf(body.tool_choice, tools)
  if (tools.length === 0) return {}
  const alone = body.tool_choice?.type !== 'none' && body.tool_choice?.disable_parallel_tool_use === true
  return { tools, ...(choice && { toolChoice: choice }), ...(alone && { parallelToolCalls: false }) }
}

function choiceOf(choice: Body['tool_choice'], tools: readonly Tool[]): ToolChoice | undefined {
  if (choice === undefined || choice.type === 'auto' || choice.type === 'none') return choice?.type
  if (tools.length === 0) {
    const message = `tool_choice of type ${choice.type} needs tools. Remedy: send tools, or leave tool_choice out.`
    throw new InferloomError('invalid_value', message, { param: 'tool_choice' })
  }
  if (choice.type === 'any') return 'required'
  const { name } = choice
  if (tools.some((each) => each.name === name)) return { name }
  const known = tools
    .map((each) => each.name)
    .slice(0, 20)
    .join(', ')
  const message = `tool_choice names the tool '${name}', which is not among tools: ${known}.`
  throw new InferloomError('invalid_value', message, { param: 'tool_choice.name' })
}
