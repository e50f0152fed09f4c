// https://platform.openai.com/docs/guides/structured-outputs
import { z } from 'zod'
import type { ResponseFormat } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'

const jsonSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 of a-z, A-Z, 0-9, _ and -'),
  description: text.optional(),
  schema: freeObject.optional(),
  strict: z.boolean().default(false),
})

export const responseFormat = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    // `schema` is llama.cpp's addition: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    z.strictObject({ type: z.literal('json_object'), schema: freeObject.optional() }),
    z.strictObject({ type: z.literal('json_schema'), json_schema: withoutNulls(jsonSchema) }),
  ],
  'must be one of text, json_object, json_schema',
)

export function canonicalFormat(format: z.infer<typeof responseFormat>): ResponseFormat {
  switch (format.type) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      if (format.schema === undefined) return { type: 'json' }
      return { type: 'json-schema', name: 'answer', schema: format.schema, strict: true }
    case 'json_schema': {
      const { name, schema, strict } = format.json_schema
      return schema === undefined ? { type: 'json' } : { type: 'json-schema', name, schema, strict }
    }
  }
}
