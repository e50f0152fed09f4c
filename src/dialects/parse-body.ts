import { z } from 'zod'
import { InferloomError } from '../canonical/errors.ts'

/** Text without lone surrogates, which no tokenizer can encode. */
export const text = z.string().refine((value) => value.isWellFormed(), 'contains a lone surrogate, which is not text')

/** How deep objects that are passed on may nest, so that walking them is bounded. */
const deepest = 100

/** An object whose keys are the client's own, such as a JSON schema; it stays as it was sent. */
export const freeObject = z
  .custom<Readonly<Record<string, unknown>>>(isRecord, 'must be an object')
  .superRefine((value, context) => {
    const message = complaintOf(value, 0)
    if (message) context.addIssue({ code: 'custom', message })
  })

/** `null` counts as left out: clients send back what they were sent. */
export function withoutNulls<T extends z.ZodType>(schema: T): z.ZodPreprocess<T> {
  return z.preprocess(
    (value) =>
      isRecord(value) ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null)) : value,
    schema,
  )
}

/**
 * Checks a body against a schema. `null` counts as left out. `refuseUnknown` throws for a field that the schema does
 * not have, unless it asks for nothing: what is not supported is refused by name, never dropped.
 */
export function checkBody<T extends z.ZodRawShape>(
  schema: z.ZodObject<T>,
  body: unknown,
  refuseUnknown: (name: string, value: unknown) => void,
): z.infer<z.ZodObject<T>> {
  if (!isRecord(body)) throw new InferloomError('invalid_value', 'The request body must be a JSON object.')
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue
    if (Object.hasOwn(schema.shape, name)) given[name] = value
    else refuseUnknown(name, value)
  }
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw invalidValue(parsed.error.issues[0], given)
}

export function unknownParameter(name: string): InferloomError {
  const param = name.slice(0, 100)
  return new InferloomError('unknown_parameter', `There is no parameter '${param}'. Remedy: leave it out.`, { param })
}

function invalidValue(issue: z.core.$ZodIssue | undefined, given: unknown): InferloomError {
  const best = issue?.code === 'invalid_union' ? furthestOf(issue) : issue
  const path = best?.path ?? []
  const param = path.reduce<string>(
    (at, key) => (typeof key === 'number' ? `${at}[${key}]` : at ? `${at}.${String(key)}` : String(key)),
    '',
  )
  const value = path.reduce<unknown>(
    (at, key) => (isRecord(at) || Array.isArray(at) ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    given,
  )
  if (value === undefined) return new InferloomError('missing_parameter', `${param} is missing.`, { param })
  if (best?.code === 'unrecognized_keys') {
    const name = [param, best.keys[0]].filter(Boolean).join('.')
    return new InferloomError('unsupported_parameter', `${name} is not supported. Remedy: leave it out.`, {
      param: name,
    })
  }
  return new InferloomError(
    'invalid_value',
    `${param} = ${show(value)} is not valid: ${best?.message ?? 'wrong type'}.`,
    { param },
  )
}

/** Of the alternatives that were tried, the complaint that got furthest into the value. */
function furthestOf(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue {
  const inner = issue.errors.flat().map((each) => (each.code === 'invalid_union' ? furthestOf(each) : each))
  const furthest = inner.reduce<z.core.$ZodIssue | undefined>(
    (a, b) => (a && a.path.length >= b.path.length ? a : b),
    undefined,
  )
  if (!furthest || furthest.path.length === 0) return issue
  return { ...furthest, path: [...issue.path, ...furthest.path] }
}

export function show(value: unknown): string {
  const json = jsonOf(value)
  return json.length > 80 ? `${json.slice(0, 80)}…` : json
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined'
  } catch {
    // It nests too deep to be written.
    return Array.isArray(value) ? '[…]' : '{…}'
  }
}

function complaintOf(value: unknown, depth: number): string | undefined {
  if (depth > deepest) return `nests deeper than ${deepest} levels`
  if (typeof value === 'string' && !value.isWellFormed()) return 'contains a lone surrogate, which is not text'
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, each] of Object.entries(value)) {
    const complaint = complaintOf(key, depth) ?? complaintOf(each, depth + 1)
    if (complaint) return complaint
  }
  return undefined
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
