// https://ai.google.dev/api/generate-content#UsageMetadata
import { z } from 'zod'
import type { Usage } from '../../canonical/usage.ts'

const count = z.number().min(0).optional()
const details = z.array(z.object({ modality: z.string().optional(), tokenCount: count })).optional()

export const usageMetadata = z
  .object({
    promptTokenCount: count,
    cachedContentTokenCount: count,
    candidatesTokenCount: count,
    thoughtsTokenCount: count,
    toolUsePromptTokenCount: count,
    promptTokensDetails: details,
    candidatesTokensDetails: details,
    // Vertex AI's word for the tier: https://cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo
    trafficType: z.string().optional(),
    serviceTier: z.string().optional(),
  })
  .loose()

type UsageMetadata = z.infer<typeof usageMetadata>

/** Thoughts are counted beside the candidates, what was cached within the prompt, results of Google's own tools beside it. */
export function geminiUsage(given: UsageMetadata): Usage {
  const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0, toolUsePromptTokenCount = 0 } = given
  const audioIn = ofModality(given.promptTokensDetails, 'AUDIO')
  const imageIn = ofModality(given.promptTokensDetails, 'IMAGE')
  const audioOut = ofModality(given.candidatesTokensDetails, 'AUDIO')
  const tier = given.serviceTier ?? given.trafficType
  return {
    inputTokens: {
      total: promptTokenCount + toolUsePromptTokenCount,
      cacheRead: given.cachedContentTokenCount ?? 0,
      ...(audioIn !== undefined && { audio: audioIn }),
      ...(imageIn !== undefined && { image: imageIn }),
    },
    outputTokens: {
      total: candidatesTokenCount + thoughtsTokenCount,
      reasoning: thoughtsTokenCount,
      ...(audioOut !== undefined && { audio: audioOut }),
    },
    ...(tier !== undefined && { serviceTier: tier }),
    raw: given,
  }
}

function ofModality(list: UsageMetadata['promptTokensDetails'], modality: string): number | undefined {
  return list?.find((each) => each.modality === modality)?.tokenCount
}
