import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, ServiceTier } from '../../canonical/request.ts'

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

/** The parameters that chat and text completions share. From `top_k` on they are llama.cpp's and vLLM's names. */
export const sharedParameters = {
  model: z.string().min(1),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().default(false) }).optional(),
  n: z.int().min(1).max(128).default(1),
  max_tokens: z.int().min(1).optional(),
  stop: z.union([text.min(1).transform((stop) => [stop]), z.array(text.min(1)).max(16)]).default([]),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  logit_bias: z.record(z.string().regex(/^\d{1,9}$/, 'must be a token id'), z.number().min(-100).max(100)).optional(),
  seed: z.int().optional(),
  service_tier: z.enum(['auto', 'default', 'flex', 'priority']).optional(),
  top_k: z.int().min(0).max(1_000_000).optional(),
  min_p: z.number().min(0).max(1).optional(),
  repeat_penalty: z.number().gt(0).max(2).optional(),
  repeat_last_n: z.int().min(0).max(1_000_000).optional(),
  grammar: text.min(1).optional(),
}

type Shared = z.infer<z.ZodObject<typeof sharedParameters>>

/** What is the same in the canonical form of both. */
export function sharedRequest(
  body: Shared,
): Pick<GenerateRequest, 'model' | 'n' | 'stop' | 'sampling' | 'grammar' | 'serviceTier'> {
  const sampling = {
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k,
    minP: body.min_p,
    repeatPenalty: body.repeat_penalty,
    repeatLastN: body.repeat_last_n,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    logitBias:
      body.logit_bias && new Map(Object.entries(body.logit_bias).map(([token, bias]) => [Number(token), bias])),
    // OpenAI's seed is any integer; its low 32 bits are what samplers take.
    seed: body.seed === undefined ? undefined : body.seed >>> 0,
  }
  const given = Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined))
  return {
    model: body.model,
    n: body.n,
    stop: body.stop,
    sampling: given,
    ...(body.grammar !== undefined && { grammar: body.grammar }),
    ...(body.service_tier !== undefined && { serviceTier: tierOf(body.service_tier) }),
  }
}

/** `auto` is what the project's settings say, which here is `default`; the answer says which it was. */
export function tierOf(tier: NonNullable<Shared['service_tier']>): ServiceTier {
  return tier === 'auto' ? 'default' : tier
}

/** Parameters that say nothing about the answer, and values that ask for what happens anyway: accepted and left out. */
const withoutEffect: Readonly<Record<string, (value: unknown) => boolean>> = {
  user: isString,
  safety_identifier: isString,
  prompt_cache_key: isString,
  metadata: (value) => typeof value === 'object',
  store: (value) => value === false,
  parallel_tool_calls: (value) => typeof value === 'boolean',
  tools: isEmptyList,
  functions: isEmptyList,
  tool_choice: (value) => value === 'none' || value === 'auto',
  response_format: (value) => isRecord(value) && value['type'] === 'text',
  modalities: (value) => Array.isArray(value) && value.every((each) => each === 'text'),
  best_of: (value) => value === 1,
  echo: (value) => value === false,
  suffix: (value) => value === '',
}

/** OpenAI's parameters that are not supported yet, so that they can be told from misspelled ones. */
const notYet = new Set([
  ...Object.keys(withoutEffect),
  'audio',
  'chat_template_kwargs',
  'function_call',
  'prediction',
  'reasoning_effort',
  'verbosity',
  'web_search_options',
  'logprobs',
  'top_logprobs',
  'max_completion_tokens',
  'prompt',
  'messages',
])

/** OpenAI's older names, with what took their place. */
const replacedBy: Readonly<Record<string, string>> = { functions: 'tools', function_call: 'tool_choice' }

/**
 * Checks a body against a schema. `null` counts as left out, as in OpenAI's own API.
 * What is not supported is refused by name, never dropped.
 */
export function parseBody<T extends z.ZodRawShape>(schema: z.ZodObject<T>, body: unknown): z.infer<z.ZodObject<T>> {
  if (!isRecord(body)) throw new InferloomError('invalid_value', 'The request body must be a JSON object.')
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue
    if (Object.hasOwn(schema.shape, name)) given[name] = value
    else refuseUnlessWithoutEffect(name, value)
  }
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw invalidValue(parsed.error.issues[0], given)
}

function refuseUnlessWithoutEffect(name: string, value: unknown): void {
  if (Object.hasOwn(withoutEffect, name) && withoutEffect[name]?.(value)) return
  const shown = name.slice(0, 100)
  if (!notYet.has(name)) {
    throw new InferloomError('unknown_parameter', `There is no parameter '${shown}'. Remedy: leave it out.`, {
      param: shown,
    })
  }
  const newer = Object.hasOwn(replacedBy, name) ? replacedBy[name] : undefined
  const remedy = newer === undefined ? `leave ${shown} out` : `use ${newer}, which took its place`
  const message = `${shown} = ${show(value)} is not supported here yet. Remedy: ${remedy}.`
  throw new InferloomError('unsupported_parameter', message, { param: shown })
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

function show(value: unknown): string {
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

function isString(value: unknown): boolean {
  return typeof value === 'string'
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
