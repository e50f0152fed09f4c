// https://developers.openai.com/api/docs/guides/function-calling
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, JsonSchema, Tool, ToolChoice } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'
import { habitualTools, hostedTool, isHabitual } from './hosted-tools.ts'
import { calledName, flatName, type QualifiedName } from './namespaces.ts'

const name = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, 'must be 1 to 128 of a-z, A-Z, 0-9, _ and -')

/** What says how a tool is found and by whom it is called: here every tool is offered at once, and by no program. */
const discovery = {
  defer_loading: z.boolean().optional(),
  allowed_callers: z
    .array(z.enum(['direct', 'programmatic']))
    .refine((callers) => callers.includes('direct'), 'must have direct: no program calls tools here')
    .optional(),
  async: z.literal(false).optional(),
}
const functionTool = z.strictObject({
  type: z.literal('function'),
  name,
  description: text.optional(),
  parameters: freeObject.optional(),
  strict: z.boolean().optional(),
  output_schema: freeObject.optional(),
  ...discovery,
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
  ...discovery,
})
const namespaceTool = z.strictObject({
  type: z.literal('namespace'),
  name,
  description: text.optional(),
  tools: z.array(withoutNulls(z.discriminatedUnion('type', [functionTool, customTool]))).max(128),
})
const habitualTool = z.looseObject({ type: z.enum(habitualTools) })
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
    .array(withoutNulls(z.discriminatedUnion('type', [functionTool, customTool, namespaceTool, habitualTool])))
    .max(128, 'may have at most 128 tools')
    .default([]),
  tool_choice: choice.optional(),
  parallel_tool_calls: z.boolean().optional(),
}

type Body = z.infer<z.ZodObject<typeof toolParameters>>
type CallableTool = z.infer<typeof functionTool> | z.infer<typeof customTool>

/** The one parameter of the function that stands for a custom tool, whose input is text in no form. */
export const customInput = 'input'

export interface CanonicalTools {
  readonly request: Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'>
  /** The names of those that take text in no form. */
  readonly custom: ReadonlySet<string>
  /** What the client calls those that stand in a namespace, by their names without one. */
  readonly qualified: ReadonlyMap<string, QualifiedName>
  /** Tools that are not offered, as `tools[0].type=web_search`. */
  readonly leftOut: readonly string[]
}

/** A tool that can be called, wherever among the client's it stands. */
interface Offered {
  readonly tool: CallableTool
  /** On every wire. */
  readonly name: string
  readonly namespace?: string
  /** Where the client put it: `tools[1].tools[0]`. */
  readonly param: string
}

export function canonicalTools(body: Body): CanonicalTools {
  const offered = body.tools.flatMap(offeredBy)
  refuseTwins(offered)
  const custom = new Set(offered.flatMap(({ tool, name: own }) => (tool.type === 'custom' ? [own] : [])))
  const qualified = new Map(
    offered.flatMap(({ tool, name: own, namespace }) =>
      namespace === undefined ? [] : [[own, calledName({ name: tool.name, namespace })] as const],
    ),
  )
  const leftOut = body.tools.flatMap(({ type }, index) => (isHabitual(type) ? [`tools[${index}].type=${type}`] : []))
  const { allowed, toolChoice } = choiceOf(body, offered)
  const tools = offered.filter(({ name: own }) => allowed === undefined || allowed.has(own)).map(canonicalTool)
  if (tools.length === 0) return { request: {}, custom, qualified, leftOut }
  const { parallel_tool_calls: parallelToolCalls } = body
  return {
    request: {
      tools,
      ...(toolChoice && { toolChoice }),
      ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    },
    custom,
    qualified,
    leftOut,
  }
}

function offeredBy(tool: Body['tools'][number], index: number): readonly Offered[] {
  const param = `tools[${index}]`
  if (tool.type === 'function' || tool.type === 'custom') return [{ tool, name: tool.name, param }]
  if (tool.type !== 'namespace') return []
  const { name: namespace } = tool
  return tool.tools.map((each, at) => {
    const own = flatName({ name: each.name, namespace })
    return { tool: each, name: own, namespace, param: `${param}.tools[${at}]` }
  })
}

function refuseTwins(tools: readonly Offered[]): void {
  const seen = new Set<string>()
  for (const { name: own, param } of tools) {
    if (seen.has(own)) {
      const message = `Two tools are named '${own}'. Remedy: give each a name of its own.`
      throw new InferloomError('invalid_value', message, { param: `${param}.name` })
    }
    seen.add(own)
  }
}

function canonicalTool({ tool, name: own, param }: Offered): Tool {
  const description = tool.description === undefined ? {} : { description: tool.description }
  if (tool.type === 'custom') return { name: own, ...description, ...textParameters(tool, param) }
  return {
    name: own,
    ...description,
    ...(tool.parameters !== undefined && { parameters: tool.parameters }),
    // Where it is left out, OpenAI is strict as far as the schema allows it; to be held to every schema is for those who ask.
    ...(tool.strict !== undefined && { strict: tool.strict }),
  }
}

function textParameters({ format }: z.infer<typeof customTool>, param: string): Pick<Tool, 'parameters' | 'strict'> {
  const property: Record<string, unknown> = { type: 'string' }
  if (format?.type === 'grammar') {
    if (format.syntax === 'lark') {
      const message = `${param}.format.syntax = 'lark' is not supported by this model. Remedy: use regex, or a format of type text.`
      throw new InferloomError('unsupported_parameter', message, { param: `${param}.format.syntax` })
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

function choiceOf({ tool_choice: choice, tools: given }: Body, tools: readonly Offered[]): Choice {
  if (choice === undefined) return {}
  if (choice === 'auto' || choice === 'none') return { toolChoice: choice }
  if (given.length === 0) {
    const message = 'tool_choice needs tools. Remedy: send tools, or leave tool_choice out.'
    throw new InferloomError('invalid_value', message, { param: 'tool_choice' })
  }
  if (choice === 'required') {
    // The call that must be made may be meant for one of these.
    const hosted = given.findIndex(({ type }) => isHabitual(type))
    if (hosted !== -1) throw hostedTool(`tools[${hosted}].type`, given[hosted]?.type ?? '')
    return { toolChoice: choice }
  }
  if (isNamed(choice)) return { toolChoice: { name: known(choice.name, tools, 'tool_choice.name').name } }
  if (isAllowed(choice)) return { toolChoice: choice.mode, allowed: allowedBy(choice, tools) }
  const message = `tool_choice.type = '${choice.type.slice(0, 60)}' names a tool that this model does not have. Remedy: use auto, none, required, function, custom or allowed_tools.`
  throw new InferloomError('unsupported_parameter', message, { param: 'tool_choice.type' })
}

/** The names of those that may be called; tools that are left out are left out here too. */
function allowedBy({ mode, tools: allowed }: Allowed, tools: readonly Offered[]): ReadonlySet<string> {
  const names = allowed.flatMap(({ type, name: own }, at) => {
    if (isHabitual(type)) {
      if (mode === 'required') throw hostedTool(`tool_choice.tools[${at}].type`, type)
      return []
    }
    const inside = type === 'namespace' ? tools.filter(({ namespace }) => namespace === own) : []
    return inside.length > 0 ? inside : [known(own, tools, `tool_choice.tools[${at}].name`)]
  })
  return new Set(names.map(({ name: own }) => own))
}

type Named = Extract<NonNullable<Body['tool_choice']>, { name: string }>
type Allowed = Extract<NonNullable<Body['tool_choice']>, { mode: string }>

function isNamed(choice: { readonly type: string }): choice is Named {
  return choice.type === 'function' || choice.type === 'custom'
}

function isAllowed(choice: { readonly type: string }): choice is Allowed {
  return choice.type === 'allowed_tools'
}

function known(given: string | undefined, tools: readonly Offered[], param: string): Offered {
  const found = tools.find(({ name: own }) => own === given) ?? tools.find(({ tool }) => tool.name === given)
  if (found) return found
  const names = tools.map(({ name: own }) => own).join(', ')
  const message = `${param} names the tool '${given ?? ''}', which is not among tools: ${names.slice(0, 500)}.`
  throw new InferloomError('invalid_value', message, { param })
}
