// https://docs.mistral.ai/api/endpoint/embeddings
import { purposeWord } from './embed-purpose.ts'
import { openaiEmbeddingsWire } from './openai-embeddings.ts'
import type { EmbedWire } from './wire.ts'

/** OpenAI's but for the name of the length. */
export function mistralEmbeddingsWire(): EmbedWire {
  return {
    ...openaiEmbeddingsWire(),
    request(request, { provider }) {
      purposeWord(request, {}, provider)
      const { model, inputs, dimensions } = request
      const length = dimensions === undefined ? {} : { output_dimension: dimensions }
      return { path: '/embeddings', body: JSON.stringify({ model, input: inputs, ...length }) }
    },
  }
}
