import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, ServiceTier } from '../../canonical/request.ts'
import { checkBody, freeObject, isRecord, show, text, unknownParameter, withoutNulls } from '../parse-body.ts'

export { freeObject, text, withoutNulls }

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
  // vLLM's: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#extra-parameters
  ignore_eos: z.boolean().optional(),
}

type Shared = z.infer<z.ZodObject<typeof sharedParameters>>

/** What is the same in the canonical form of both. */
export function sharedRequest(
  body: Shared,
): Pick<GenerateRequest, 'model' | 'n' | 'stop' | 'sampling' | 'grammar' | 'ignoreEnd' | 'serviceTier'> {
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
    ...(body.ignore_eos === true && { ignoreEnd: true }),
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
  return checkBody(schema, body, refuseUnlessWithoutEffect)
}

function refuseUnlessWithoutEffect(name: string, value: unknown): void {
  if (Object.hasOwn(withoutEffect, name) && withoutEffect[name]?.(value)) return
  const shown = name.slice(0, 100)
  if (!notYet.has(name)) throw unknownParameter(name)
  const newer = Object.hasOwn(replacedBy, name) ? replacedBy[name] : undefined
  const remedy = newer === undefined ? `leave ${shown} out` : `use ${newer}, which took its place`
  const message = `${shown} = ${show(value)} is not supported here yet. Remedy: ${remedy}.`
  throw new InferloomError('unsupported_parameter', message, { param: shown })
}

function isString(value: unknown): boolean {
  return typeof value === 'string'
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
