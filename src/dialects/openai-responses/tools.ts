// https://developers.openai.com/api/docs/guides/function-calling
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, JsonSchema, Tool, ToolChoice } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'

const name = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, 'must be 1 to 128 of a-z, A-Z, 0-9, _ and -')

const functionTool = z.strictObject({
  type: z.literal('function'),
  name,
  description: text.optional(),
  parameters: freeObject.optional(),
  strict: z.boolean().optional(),
})
const customTool = z.strictObject({
  type: z.literal('custom'),
  name,
  description: text.optional(),
  format: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({ type: z.literal('grammar'), syntax: z.enum(['lark', 'regex']), definition: text.min(1) }),
    ])
    .optional(),
})
const choice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.strictObject({ type: z.enum(['function', 'custom']), name }),
  z.strictObject({
    type: z.literal('allowed_tools'),
    mode: z.enum(['auto', 'required']),
    tools: z
      .array(z.object({ type: z.string(), name: name.optional() }))
      .min(1)
      .max(128),
  }),
  z.object({ type: z.string().min(1) }),
])

/** The bound is OpenAI's own. */
export const toolParameters = {
  tools: z
    .array(withoutNulls(z.discriminatedUnion('type', [functionTool, customTool])))
    .max(128, 'may have at most 128 tools')
    .default([]),
  tool_choice: choice.optional(),
  parallel_tool_calls: z.boolean().optional(),
}

type Body = z.infer<z.ZodObject<typeof toolParameters>>
type GivenTool = Body['tools'][number]

/** The one parameter of the function that stands for a custom tool, whose input is text in no form. */
export const customInput = 'input'

export interface CanonicalTools {
  readonly request: Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'>
  /** The names of those that take text in no form. */
  readonly custom: ReadonlySet<string>
}

export function canonicalTools(body: Body): CanonicalTools {
  const given = body.tools
  refuseTwins(given)
  const custom = new Set(given.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  const { allowed, toolChoice } = choiceOf(body.tool_choice, given)
  const tools = given.filter((tool) => allowed === undefined || allowed.has(tool.name)).map(canonicalTool)
  if (tools.length === 0) return { request: {}, custom }
  const { parallel_tool_calls: parallelToolCalls } = body
  return {
    request: {
      tools,
      ...(toolChoice && { toolChoice }),
      ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    },
    custom,
  }
}

/** Tools that a provider of this wire runs itself, such as `web_search`, are refused by name. */
export function refuseHostedTools(tools: unknown): void {
  if (!Array.isArray(tools)) return
  for (const [index, tool] of (tools as readonly ({ readonly type?: unknown } | null)[]).entries()) {
    const type = tool?.type
    if (typeof type !== 'string' || type === 'function' || type === 'custom') continue
    const message =
      `tools[${index}].type = '${type.slice(0, 60)}' is a tool that a provider of this wire runs itself, ` +
      'and this model is not asked on it. Remedy: leave the tool out, send one of type function, or use another model.'
    throw new InferloomError('unsupported_parameter', message, { param: `tools[${index}].type` })
  }
}

function refuseTwins(tools: readonly GivenTool[]): void {
  const seen = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    if (seen.has(tool.name)) {
      const message = `Two tools are named '${tool.name}'. Remedy: give each a name of its own.`
      throw new InferloomError('invalid_value', message, { param: `tools[${index}].name` })
    }
    seen.add(tool.name)
  }
}

function canonicalTool(tool: GivenTool, index: number): Tool {
  const description = tool.description === undefined ? {} : { description: tool.description }
  if (tool.type === 'custom') return { name: tool.name, ...description, ...textParameters(tool, index) }
  return {
    name: tool.name,
    ...description,
    ...(tool.parameters !== undefined && { parameters: tool.parameters }),
    // Where it is left out, OpenAI is strict as far as the schema allows it; to be held to every schema is for those who ask.
    ...(tool.strict !== undefined && { strict: tool.strict }),
  }
}

function textParameters({ format }: z.infer<typeof customTool>, index: number): Pick<Tool, 'parameters' | 'strict'> {
  const property: Record<string, unknown> = { type: 'string' }
  if (format?.type === 'grammar') {
    if (format.syntax === 'lark') {
      const message = `tools[${index}].format.syntax = 'lark' is not supported by this model. Remedy: use regex, or a format of type text.`
      throw new InferloomError('unsupported_parameter', message, { param: `tools[${index}].format.syntax` })
    }
    property['pattern'] = `^(?:${format.definition})$`
  }
  const parameters: JsonSchema = {
    type: 'object',
    properties: { [customInput]: property },
    required: [customInput],
    additionalProperties: false,
  }
  return { parameters, strict: true }
}

interface Choice {
  readonly toolChoice?: ToolChoice
  /** Of the tools, those that may be called; absent means all. */
  readonly allowed?: ReadonlySet<string>
}

function choiceOf(choice: Body['tool_choice'], tools: readonly GivenTool[]): Choice {
  if (choice === undefined) return {}
  if (choice === 'auto' || choice === 'none') return { toolChoice: choice }
  if (tools.length === 0) {
    const message = 'tool_choice needs tools. Remedy: send tools, or leave tool_choice out.'
    throw new InferloomError('invalid_value', message, { param: 'tool_choice' })
  }
  if (choice === 'required') return { toolChoice: choice }
  if (isNamed(choice)) return { toolChoice: { name: known(choice.name, tools, 'tool_choice.name') } }
  if (isAllowed(choice)) {
    const names = choice.tools.map((tool, at) => known(tool.name, tools, `tool_choice.tools[${at}].name`))
    return { toolChoice: choice.mode, allowed: new Set(names) }
  }
  const message = `tool_choice.type = '${choice.type.slice(0, 60)}' names a tool that this model does not have. Remedy: use auto, none, required, function, custom or allowed_tools.`
  throw new InferloomError('unsupported_parameter', message, { param: 'tool_choice.type' })
}

type Named = Extract<NonNullable<Body['tool_choice']>, { name: string }>
type Allowed = Extract<NonNullable<Body['tool_choice']>, { mode: string }>

function isNamed(choice: { readonly type: string }): choice is Named {
  return choice.type === 'function' || choice.type === 'custom'
}

function isAllowed(choice: { readonly type: string }): choice is Allowed {
  return choice.type === 'allowed_tools'
}

function known(name: string | undefined, tools: readonly GivenTool[], param: string): string {
  if (name !== undefined && tools.some((tool) => tool.name === name)) return name
  const names = tools.map((tool) => tool.name).join(', ')
  const message = `${param} names the tool '${name ?? ''}', which is not among tools: ${names.slice(0, 500)}.`
  throw new InferloomError('invalid_value', message, { param })
}
