import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { EmbedJob, EmbeddedPart } from './protocol.ts'

interface Outstanding {
  readonly answers: Float32Array[]
  left: number
  tokens: number
  readonly resolve: (answer: { answers: Float32Array[]; tokens: number }) => void
  readonly reject: (error: InferloomError) => void
}

/** Embedding jobs that the engine's process is working on. */
export class EmbedRequests {
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #model: string
  readonly #most: number

  /** At most `most` jobs at a time; one more is refused. */
  constructor(model: string, most: number) {
    this.#model = model
    this.#most = most
  }

  get size(): number {
    return this.#outstanding.size
  }

  /** Sends a job with `send`, and waits for all of it; calls `cancel` when it is left before that. */
  async run(
    job: EmbedJob,
    { send, cancel, signal }: { send: () => void; cancel: () => void; signal: AbortSignal },
  ): Promise<{ answers: Float32Array[]; tokens: number }> {
    signal.throwIfAborted()
    if (this.#outstanding.size >= this.#most) {
      throw new InferloomError(
        'engine_overloaded',
        `Model ${this.#model} has ${this.#most} requests to embed. ` +
          'Remedy: retry after the time given, or raise engine.queue in the configuration.',
        { retryAfterSeconds: 1 },
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<{ answers: Float32Array[]; tokens: number }>()
    this.#outstanding.set(job.id, { answers: [], left: job.inputs.length, tokens: 0, resolve, reject })
    const onAbort = () => reject(asInferloomError(signal.reason))
    signal.addEventListener('abort', onAbort)
    try {
      send()
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (this.#outstanding.delete(job.id)) cancel()
    }
  }

  onParts(parts: readonly EmbeddedPart[]): void {
    for (const { id, first, count, values, tokens } of parts) {
      const outstanding = this.#outstanding.get(id)
      if (!outstanding) continue
      const bytes = Buffer.from(values, 'base64')
      const width = bytes.length / 4 / Math.max(1, count)
      // A buffer of Node's pool may begin anywhere, a Float32Array only at a multiple of four.
      const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
      for (let index = 0; index < count; index++) {
        outstanding.answers[first + index] = floats.subarray(index * width, (index + 1) * width)
      }
      outstanding.tokens += tokens
      outstanding.left -= count
      if (outstanding.left > 0) continue
      this.#outstanding.delete(id)
      outstanding.resolve(outstanding)
    }
  }

  fail(id: number, error: InferloomError): void {
    const outstanding = this.#outstanding.get(id)
    this.#outstanding.delete(id)
    outstanding?.reject(error)
  }

  failAll(error: InferloomError): void {
    for (const id of this.#outstanding.keys()) this.fail(id, error)
  }
}

type Run = (job: Omit<EmbedJob, 'id'>) => Promise<{ answers: Float32Array[]; tokens: number }>

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
