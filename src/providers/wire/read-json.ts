import type { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'

/** Checks what an upstream answered. Only where it is wrong is said, never what it holds: that may be a prompt. */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const at = parsed.error.issues[0]?.path.map(String).join('.') || 'its top level'
  throw new InferloomError('provider_invalid_reply', `The provider's reply is not what its wire allows, at ${at}.`)
}

/** The same for JSON text. */
export function checkedJson<T extends z.ZodType>(schema: T, json: string): z.infer<T> {
  return checked(schema, valueOf(json))
}

function valueOf(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    throw new InferloomError('provider_invalid_reply', 'The provider sent something that is not JSON.')
  }
}
