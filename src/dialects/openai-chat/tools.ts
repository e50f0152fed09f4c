// https://platform.openai.com/docs/guides/function-calling
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Tool, ToolChoice } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'

const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 of a-z, A-Z, 0-9, _ and -')

const tool = z.strictObject({
  type: z.literal('function', 'only tools of type function are supported'),
  function: withoutNulls(
    z.strictObject({
      name: toolName,
      description: text.optional(),
      parameters: freeObject.optional(),
      strict: z.boolean().default(false),
    }),
  ),
})

const named = z.strictObject({
  type: z.literal('function', 'only auto, none, required and one function by name are supported'),
  function: z.strictObject({ name: toolName }),
})

/** Bounds on both are OpenAI's own. */
export const toolParameters = {
  tools: z.array(tool).max(128, 'may have at most 128 tools').default([]),
  tool_choice: z.union([z.enum(['auto', 'none', 'required']), named]).optional(),
  parallel_tool_calls: z.boolean().optional(),
}

type Body = z.infer<z.ZodObject<typeof toolParameters>>

export function canonicalTools(body: Body): Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
  const tools = body.tools.map(({ function: { name, description, parameters, strict } }): Tool => ({
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
    strict,
  }))
  tools.forEach(({ name }, index) => {
    if (tools.findIndex((other) => other.name === name) === index) return
    const message = `Two tools are named '${name}'. Remedy: give each a name of its own.`
    throw new InferloomError('invalid_value', message, { param: `tools[${index}].function.name` })
  })
  const toolChoice = choiceOf(body.tool_choice, tools)
  if (tools.length === 0) return {}
  const { parallel_tool_calls: parallelToolCalls } = body
  return { tools, ...(toolChoice && { toolChoice }), ...(parallelToolCalls !== undefined && { parallelToolCalls }) }
}

function choiceOf(choice: Body['tool_choice'], tools: readonly Tool[]): ToolChoice | undefined {
  if (choice === undefined || choice === 'auto' || choice === 'none') return choice
  if (tools.length === 0) {
    const message = `tool_choice = ${JSON.stringify(choice)} needs tools. Remedy: send tools, or leave tool_choice out.`
    throw new InferloomError('invalid_value', message, { param: 'tool_choice' })
  }
  if (choice === 'required') return choice
  const { name } = choice.function
  if (tools.some((tool) => tool.name === name)) return { name }
  const known = tools.map((tool) => tool.name).join(', ')
  const message = `tool_choice names the tool '${name}', which is not among tools: ${known}.`
  throw new InferloomError('invalid_value', message, { param: 'tool_choice.function.name' })
}
