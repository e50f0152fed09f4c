import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import { keyLimits, type KeyLimits } from '../limits/key-limits.ts'

const name = z.string().trim().min(1).max(100)
const models = z.array(z.string().min(1).max(300)).max(1000)
const scope = z.enum(['inference', 'admin:read', 'admin'])
const tier = z.enum(['priority', 'default', 'flex'])
/** Milliseconds since 1970. */
const moment = z
  .int()
  .max(8_640_000_000_000_000)
  .refine((at) => at > Date.now(), 'must be later than now')

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

const { shape } = keyLimits
/** Those that are named change, and null takes one away. */
const limitsChange = z.strictObject({
  rpm: shape.rpm.nullable(),
  tpm: shape.tpm.nullable(),
  requests: shape.requests.nullable(),
  tokens: shape.tokens.nullable(),
  concurrency: shape.concurrency.nullable(),
  budgets: shape.budgets.nullable(),
})

export const newKey = z.strictObject(keyFields).partial().required({ name: true })
export const keyChange = z.strictObject({ ...keyFields, limits: limitsChange }).partial()
export const rotation = z.strictObject({
  /** Seconds for which the former key still opens. */
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(0),
  expires_at: moment.nullable().optional(),
})

const teamFields = { name, models: models.min(1).nullable(), limits: keyLimits }
export const newTeam = z.strictObject(teamFields).partial().required({ name: true })
export const teamChange = z.strictObject({ ...teamFields, limits: limitsChange }).partial()

/** The limits after a change, as they are kept. */
export function changedLimits(kept: string, change: z.infer<typeof limitsChange>): string {
  const entries = Object.entries({ ...(JSON.parse(kept) as KeyLimits), ...change })
  return JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined)))
}

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
