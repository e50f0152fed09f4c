// https://platform.openai.com/docs/api-reference/embeddings/object
import type { EmbedResult } from '../../canonical/embed.ts'

interface EmbeddingsBodyOptions {
  readonly model: string
  readonly encoding: 'float' | 'base64'
}

export function embeddingsBody({ embeddings, inputTokens, cost }: EmbedResult, options: EmbeddingsBodyOptions): string {
  const { model, encoding } = options
  const write = encoding === 'base64' ? base64Of : (vector: Float32Array) => Array.from(vector)
  return JSON.stringify({
    object: 'list',
    data: embeddings.map((vector, index) => ({ object: 'embedding', index, embedding: write(vector) })),
    model,
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens, ...(cost !== undefined && { cost }) },
  })
}

/** Float32, little-endian, as OpenAI's clients read it. */
function base64Of({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
