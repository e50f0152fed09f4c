// https://docs.mistral.ai/api/endpoint/embeddings
import { openaiEmbeddingsWire } from './openai-embeddings.ts'
import type { EmbedWire } from './wire.ts'

/** OpenAI's but for the name of the length. */
export function mistralEmbeddingsWire(): EmbedWire {
  return {
    ...openaiEmbeddingsWire(),
    request({ model, inputs, dimensions }) {
      const length = dimensions === undefined ? {} : { output_dimension: dimensions }
      return { path: '/embeddings', body: JSON.stringify({ model, input: inputs, ...length }) }
    },
  }
}
