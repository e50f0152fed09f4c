// https://ai.google.dev/api/caching#Tool
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, JsonSchema, Tool } from '../../canonical/request.ts'
import { freeObject, text } from '../parse-body.ts'
import { jsonSchemaOf } from './schema.ts'

const declaration = z.strictObject({
  name: z.string().regex(/^[\w.:-]{1,128}$/, 'must be 1 to 128 of a-z, A-Z, 0-9 and _ . : -'),
  description: text.optional(),
  parameters: freeObject.optional(),
  parametersJsonSchema: freeObject.optional(),
  // What a function answers, for whoever runs it; a model that calls it need not know.
  response: freeObject.optional(),
  responseJsonSchema: freeObject.optional(),
  behavior: z.enum(['UNSPECIFIED', 'BLOCKING'], 'must be BLOCKING').optional(),
})

export const toolFields = {
  // Others, such as googleSearch, are Google's own to run: they are refused by their names.
  tools: z
    .array(z.strictObject({ functionDeclarations: z.array(declaration).max(512).default([]) }))
    .max(128)
    .default([]),
  toolConfig: z
    .strictObject({
      functionCallingConfig: z
        .strictObject({
          mode: z
            .enum(['MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED'], 'must be AUTO, ANY, NONE or VALIDATED')
            .optional(),
          allowedFunctionNames: z.array(z.string().max(128)).max(512).optional(),
          streamFunctionCallArguments: z.literal(false).optional(),
        })
        .optional(),
    })
    .optional(),
}

type ToolFields = z.infer<z.ZodObject<typeof toolFields>>

export function canonicalTools({ tools, toolConfig }: ToolFields): Pick<GenerateRequest, 'tools' | 'toolChoice'> {
  const { mode = 'AUTO', allowedFunctionNames: allowed } = toolConfig?.functionCallingConfig ?? {}
  const strict = mode === 'VALIDATED'
  const all = tools.flatMap(({ functionDeclarations }, group) =>
    functionDeclarations.map((each, index) => toolOf(each, `tools[${group}].functionDeclarations[${index}]`, strict)),
  )
  const twice = all.find(({ name }, index) => all.findIndex((each) => each.name === name) !== index)
  if (twice) throw invalid('tools', `has two functions '${twice.name}'`)
  const given = allowed && allowed.length > 0 ? all.filter(({ name }) => allowed.includes(name)) : all
  const unknown = allowed?.find((name) => !all.some((each) => each.name === name))
  if (unknown !== undefined) {
    throw invalid('toolConfig.functionCallingConfig.allowedFunctionNames', `names '${unknown}', which is not in tools`)
  }
  if (mode === 'ANY' && all.length === 0) throw invalid('toolConfig.functionCallingConfig.mode', '= ANY needs tools')
  if (all.length === 0) return {}
  if (mode === 'NONE') return { tools: all, toolChoice: 'none' }
  if (mode !== 'ANY') return { tools: given, ...(mode === 'VALIDATED' && { toolChoice: 'auto' }) }
  const [only] = given
  return { tools: given, toolChoice: given.length === 1 && allowed && only ? { name: only.name } : 'required' }
}

function toolOf(given: z.infer<typeof declaration>, at: string, strict: boolean): Tool {
  const { name, description, parameters, parametersJsonSchema } = given
  if (parameters && parametersJsonSchema) {
    throw invalid(`${at}.parameters`, 'and parametersJsonSchema exclude each other')
  }
  const schema: JsonSchema | undefined =
    parametersJsonSchema ?? (parameters && jsonSchemaOf(parameters, `${at}.parameters`))
  return {
    name,
    ...(description !== undefined && { description }),
    ...(schema !== undefined && { parameters: schema }),
    ...(strict && { strict }),
  }
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
