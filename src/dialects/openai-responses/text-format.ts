// https://developers.openai.com/api/docs/guides/structured-outputs
import { z } from 'zod'
import type { ResponseFormat } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'

const format = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 of a-z, A-Z, 0-9, _ and -'),
      description: text.optional(),
      schema: freeObject,
      strict: z.boolean().default(false),
    }),
  ],
  'must be one of text, json_object, json_schema',
)

export const textParameter = withoutNulls(
  z.strictObject({ format: withoutNulls(format).optional(), verbosity: z.enum(['low', 'medium', 'high']).optional() }),
)

export function canonicalFormat(given: z.infer<typeof format>): ResponseFormat {
  switch (given.type) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json' }
    case 'json_schema': {
      const { name, schema, strict } = given
      return { type: 'json-schema', name, schema, strict }
    }
  }
}
