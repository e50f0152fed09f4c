import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import { keyLimits } from '../limits/key-limits.ts'

const name = z.string().trim().min(1).max(100)
const models = z.array(z.string().min(1).max(300)).max(1000)
const scope = z.enum(['inference', 'admin:read', 'admin'])
const tier = z.enum(['priority', 'default', 'flex'])
/** Milliseconds since 1970. */
const moment = z.int().min(0).max(8_640_000_000_000_000)

const keyFields = {
  name,
  /** The name or id of a team. */
  team: z.string().min(1).max(100).nullable(),
  scopes: z.array(scope).min(1).max(3),
  /** Null: all of them. */
  models: models.min(1).nullable(),
  limits: keyLimits,
  tier: tier.nullable(),
  expires_at: moment.nullable(),
}

export const newKey = z.strictObject(keyFields).partial().required({ name: true })
export const keyChange = z.strictObject(keyFields).partial()
export const rotation = z.strictObject({
  /** Seconds for which the former key still opens. */
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(0),
})

const teamFields = { name, models: models.min(1).nullable(), limits: keyLimits }
export const newTeam = z.strictObject(teamFields).partial().required({ name: true })
export const teamChange = z.strictObject(teamFields).partial()

export type NewKey = z.infer<typeof newKey>
export type KeyChange = z.infer<typeof keyChange>
export type NewTeam = z.infer<typeof newTeam>
export type TeamChange = z.infer<typeof teamChange>

/** Throws an error that names the field at fault. */
export function readInput<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const read = schema.safeParse(body ?? {})
  if (read.success) return read.data
  const [issue] = read.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const param = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.')
  if (unknown !== undefined) throw new InferloomError('unknown_parameter', `There is no field ${param}.`, { param })
  throw new InferloomError('invalid_value', `${param || 'The body'}: ${issue?.message ?? 'is invalid'}.`, { param })
}
