// https://ai.google.dev/api/generate-content#generationconfig
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, ResponseFormat } from '../../canonical/request.ts'
import { freeObject, text } from '../parse-body.ts'
import { jsonSchemaOf } from './schema.ts'

const thinkingConfig = z.strictObject({
  includeThoughts: z.boolean().optional(),
  // -1 leaves it to the model.
  thinkingBudget: z.int().min(-1).max(1_000_000).optional(),
  thinkingLevel: z
    .string()
    .toUpperCase()
    .pipe(z.enum(['THINKING_LEVEL_UNSPECIFIED', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'XHIGH']))
    .optional(),
})

export const generationConfig = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  topK: z.number().min(0).max(1_000_000).transform(Math.floor).optional(),
  candidateCount: z.int().min(1).max(128).default(1),
  maxOutputTokens: z.int().min(1).optional(),
  stopSequences: z.array(text.min(1)).max(16).default([]),
  presencePenalty: z.number().min(-2).max(2).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  seed: z.int().optional(),
  responseMimeType: z
    .enum(['text/plain', 'application/json'], 'must be text/plain or application/json here')
    .default('text/plain'),
  responseSchema: freeObject.optional(),
  responseJsonSchema: freeObject.optional(),
  responseLogprobs: z.boolean().default(false),
  logprobs: z.int().min(0).max(20).optional(),
  thinkingConfig: thinkingConfig.optional(),
  responseModalities: z
    .array(z.string())
    .refine((all) => all.every((each) => each.toUpperCase() === 'TEXT'), 'can only be TEXT here')
    .optional(),
  mediaResolution: z.literal('MEDIA_RESOLUTION_UNSPECIFIED').optional(),
})

type GenerationConfig = z.infer<typeof generationConfig>

export function canonicalConfig(config: GenerationConfig): Omit<GenerateRequest, 'model' | 'input'> {
  const { candidateCount: n, maxOutputTokens, stopSequences: stop, seed } = config
  const sampling = {
    temperature: config.temperature,
    topP: config.topP,
    topK: config.topK,
    presencePenalty: config.presencePenalty,
    frequencyPenalty: config.frequencyPenalty,
    // Google's is a signed number; its 32 bits are what samplers take.
    seed: seed === undefined ? undefined : seed >>> 0,
  }
  const responseFormat = formatOf(config)
  return {
    n,
    stop,
    sampling: Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined)),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...logprobsOf(config),
    ...(responseFormat && { responseFormat }),
    ...thinkingOf(config),
  }
}

function logprobsOf({ responseLogprobs, logprobs }: GenerationConfig): Pick<GenerateRequest, 'topLogprobs'> {
  if (responseLogprobs) return { topLogprobs: logprobs ?? 0 }
  if (logprobs === undefined) return {}
  throw invalid('generationConfig.logprobs', 'needs responseLogprobs: true')
}

function formatOf(config: GenerationConfig): ResponseFormat | undefined {
  const { responseMimeType: type, responseSchema, responseJsonSchema } = config
  if (responseSchema && responseJsonSchema) {
    throw invalid('generationConfig.responseSchema', 'and responseJsonSchema exclude each other')
  }
  const schema =
    responseJsonSchema ?? (responseSchema && jsonSchemaOf(responseSchema, 'generationConfig.responseSchema'))
  if (schema === undefined) return type === 'application/json' ? { type: 'json' } : undefined
  if (type !== 'application/json') {
    throw invalid('generationConfig.responseMimeType', 'must be application/json beside a schema')
  }
  return { type: 'json-schema', name: 'answer', schema, strict: true }
}

const efforts = { MINIMAL: 'minimal', LOW: 'low', MEDIUM: 'medium', HIGH: 'high', XHIGH: 'xhigh' } as const

function thinkingOf({ thinkingConfig: config }: GenerationConfig): Partial<GenerateRequest> {
  const { includeThoughts, thinkingBudget: budget, thinkingLevel: level } = config ?? {}
  return {
    ...(includeThoughts !== undefined && { showReasoning: includeThoughts }),
    ...(budget !== undefined && budget >= 0 && { reasoningTokens: budget }),
    ...(level !== undefined && level !== 'THINKING_LEVEL_UNSPECIFIED' && { reasoningEffort: efforts[level] }),
  }
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
