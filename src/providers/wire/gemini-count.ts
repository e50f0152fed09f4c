// https://ai.google.dev/api/tokens#method:-models.counttokens
import { z } from 'zod'
import type { GenerateRequest } from '../../canonical/request.ts'
import { geminiRefusal } from './gemini-refusal.ts'
import { geminiPath, geminiRequest } from './gemini-request.ts'
import { checked } from './read-json.ts'
import type { CountWire } from './wire.ts'

/** A prompt of no tokens is left out of the reply, as every 0 is. */
const reply = z.object({ totalTokens: z.number().min(0).default(0) })

/** The Gemini API's: what is not words alone must come as a whole request, which names its model again. */
export const geminiCount: CountWire = {
  request(request, { provider }) {
    const path = geminiPath(request.model, 'countTokens')
    const model = decodeURIComponent(path.slice(1, path.lastIndexOf(':')))
    return { path, body: JSON.stringify({ generateContentRequest: { model, ...promptOf(request, provider) } }) }
  },
  result: (body) => ({ tokens: checked(reply, body).totalTokens, exact: true }),
  refusal: geminiRefusal,
}

/** Vertex AI's: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens */
export const vertexCount: CountWire = {
  ...geminiCount,
  request: (request, { provider }) => ({
    path: geminiPath(request.model, 'countTokens'),
    body: JSON.stringify(promptOf(request, provider)),
  }),
}

/** What the model reads, without how it is to answer. */
function promptOf({ model, input, tools }: GenerateRequest, provider: string): object {
  const prompt = { model, input, n: 1, stop: [], sampling: {}, ...(tools && { tools }) }
  return JSON.parse(geminiRequest(prompt, { provider, stream: false }).body) as object
}
