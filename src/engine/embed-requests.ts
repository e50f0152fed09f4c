import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { InFlight } from './in-flight.ts'
import type { EmbedJob, EmbeddedPart } from './protocol.ts'

/** What a job for vectors or scores has given so far. */
export interface EmbedAnswer {
  readonly answers: Float32Array[]
  /** Inputs without an answer. */
  left: number
  tokens: number
}

export function startOf({ inputs }: Pick<EmbedJob, 'inputs'>): EmbedAnswer {
  return { answers: [], left: inputs.length, tokens: 0 }
}

export function addParts(jobs: InFlight<EmbedAnswer>, parts: readonly EmbeddedPart[]): void {
  for (const { id, first, count, values, tokens } of parts) {
    const answer = jobs.answer(id)
    if (!answer) continue
    const bytes = Buffer.from(values, 'base64')
    const width = bytes.length / 4 / Math.max(1, count)
    // A buffer of Node's pool may begin anywhere, a Float32Array only at a multiple of four.
    const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    for (let index = 0; index < count; index++) {
      answer.answers[first + index] = floats.subarray(index * width, (index + 1) * width)
    }
    answer.tokens += tokens
    answer.left -= count
    if (answer.left <= 0) jobs.complete(id)
  }
}

type Run = (job: Omit<EmbedJob, 'id'>) => Promise<EmbedAnswer>

export async function embedWith(run: Run, { inputs, dimensions, purpose }: EmbedRequest): Promise<EmbedResult> {
  if (purpose !== undefined) {
    // No model file says which words its model wants before a text for what it is for.
    const message =
      'input_type (Gemini calls it taskType) says nothing to a local model. ' +
      "Remedy: leave it out, and write the words that the model's card asks for before each text, such as 'search_query: '."
    throw new InferloomError('unsupported_parameter', message, { param: 'input_type' })
  }
  const { answers, tokens } = await run({ inputs, ...(dimensions !== undefined && { dimensions }) })
  return { embeddings: answers, inputTokens: tokens }
}

export async function rerankWith(run: Run, request: RerankRequest): Promise<RerankResult> {
  const { query, documents, topN, documentTokens } = request
  const { answers, tokens } = await run({
    inputs: documents,
    query,
    ...(documentTokens !== undefined && { inputTokens: documentTokens }),
  })
  const ranking = answers.map(([score = 0], index) => ({ index, score })).sort((a, b) => b.score - a.score)
  return { ranking: ranking.slice(0, topN), inputTokens: tokens }
}
