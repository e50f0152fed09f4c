// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
import { z } from 'zod'
import { usageMetadata } from './gemini-usage.ts'

const part = z
  .object({
    text: z.string().optional(),
    thought: z.boolean().optional(),
    thoughtSignature: z.string().optional(),
    functionCall: z
      .object({ id: z.string().optional(), name: z.string(), args: z.record(z.string(), z.unknown()).nullish() })
      .optional(),
  })
  .loose()

const token = z.object({ token: z.string().optional(), logProbability: z.number().optional() })

const candidate = z.object({
  index: z.int().min(0).max(1000).optional(),
  content: z.object({ parts: z.array(part).nullish() }).nullish(),
  finishReason: z.string().optional(),
  logprobsResult: z
    .object({
      chosenCandidates: z.array(token).optional(),
      topCandidates: z.array(z.object({ candidates: z.array(token).optional() })).optional(),
    })
    .optional(),
  groundingMetadata: z.looseObject({}).optional(),
  citationMetadata: z.looseObject({}).optional(),
  urlContextMetadata: z.looseObject({}).optional(),
})

export const geminiResponse = z.object({
  candidates: z.array(candidate).nullish(),
  promptFeedback: z.object({ blockReason: z.string().optional() }).nullish(),
  usageMetadata: usageMetadata.nullish(),
  modelVersion: z.string().optional(),
  responseId: z.string().optional(),
  error: z.unknown().optional(),
})

export type GeminiResponse = z.infer<typeof geminiResponse>
export type Candidate = z.infer<typeof candidate>
export type GeminiPart = z.infer<typeof part>
