// https://ai-sdk.dev/providers/ai-sdk-providers: any of their packages, for providers that have no wire of their own here.
import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { aiSdkError, refuseWarnings } from './ai-sdk-errors.ts'
import { aiSdkOptions } from './ai-sdk-options.ts'
import { loadAiSdk, packageNameOf } from './ai-sdk-package.ts'
import { aiSdkProvider, type AiSdkModel, type AiSdkProvider } from './ai-sdk-spec.ts'
import { AiSdkReader } from './ai-sdk-stream.ts'
import { Patience } from './patience.ts'
import type { ProviderKind, ProviderSettings } from './provider-kind.ts'
import type { Provider } from './provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { countOf, isRecord, listOf, recordOf, textOf } from './wire/fields.ts'
import { limitHeadersOf } from './wire/limit-headers.ts'
import { unitVector } from './wire/unit-vector.ts'
import { purposeWord } from './wire/embed-purpose.ts'
import { unsupported } from './wire/unsupported.ts'

export const aiSdk: ProviderKind = {
  name: 'ai-sdk',
  env: [],
  make: (settings) => new AiSdkBridge(settings),
}

class AiSdkBridge implements Provider {
  readonly name: string
  readonly acceptsUnlisted = true
  readonly #settings: ProviderSettings
  /** One for each key. */
  readonly #made: Promise<readonly AiSdkProvider[]>
  /** Whose thoughts and calls are its own to read again. */
  readonly #wire: string
  #turn = 0

  constructor(settings: ProviderSettings) {
    this.name = settings.name
    this.#settings = settings
    const packageName = packageNameOf(settings.name, settings.extra?.['package'])
    this.#wire = `ai-sdk:${packageName}`
    this.#made = makeAll(settings, packageName)
    // Whoever asks next is told.
    this.#made.catch(() => {})
  }

  models() {
    return this.#settings.models ?? []
  }

  async ready(): Promise<void> {
    await this.#made
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<readonly StreamEvent[]> {
    const model = await this.#model(['languageModel'], request.model, 'messages')
    const target = { provider: this.name, spec: model.spec, wire: this.#wire }
    const options = aiSdkOptions(request, target)
    const patience = this.#patience(signal)
    try {
      const answer = model.call('doStream', { ...options, abortSignal: patience.signal })
      const said = recordOf(await patience.wait(answer, 'firstByte'))
      const parts = partsOf(said['stream'], this.name)
      const limits = limitHeadersOf(recordOf(recordOf(said['response'])['headers']))
      if (limits) yield [{ type: 'response-metadata', limits }]
      const reader = new AiSdkReader(this.name, this.#wire)
      for (let setting: 'firstByte' | 'idle' = 'firstByte'; ; setting = 'idle') {
        const { done, value } = await patience.wait(parts.read(), setting)
        if (done) break
        const events = reader.read(value)
        if (events.length > 0) yield events
      }
      reader.end()
    } catch (error) {
      throw this.#errorOf(error, signal)
    } finally {
      patience.end()
    }
  }

  async embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResult> {
    signal.throwIfAborted()
    const { model: id, inputs, dimensions } = request
    // Each package has another name for it, if any.
    purposeWord(request, {}, this.name)
    const values = inputs.map((input, index) => {
      if (typeof input === 'string') return input
      throw unsupported(`input[${index}] as token ids`, this.name, 'send its text')
    })
    const model = await this.#model(['embeddingModel', 'textEmbeddingModel'], id, 'input')
    if (dimensions !== undefined && !model.spec.dimensions) throw unsupported('dimensions', this.name)
    const length = dimensions === undefined ? {} : { dimensions }
    const result = await this.#once(model, 'doEmbed', { values, ...length }, signal)
    const vectors = listOf(result['embeddings'])
    if (vectors.length !== inputs.length || !vectors.every(isVector)) throw this.#notUnderstood()
    const inputTokens = countOf(recordOf(result['usage'])['tokens']) ?? 0
    return { embeddings: vectors.map(unitVector), inputTokens }
  }

  async rerank(request: RerankRequest, signal: AbortSignal): Promise<RerankResult> {
    signal.throwIfAborted()
    const { model: id, query, documents, topN, documentTokens } = request
    if (documentTokens !== undefined) throw unsupported('max_tokens_per_doc', this.name)
    const model = await this.#model(['rerankingModel'], id, 'documents')
    const options = { query, documents: { type: 'text', values: documents }, ...(topN !== undefined && { topN }) }
    const result = await this.#once(model, 'doRerank', options, signal)
    const ranking = listOf(result['ranking']).map((each) => {
      const { index, relevanceScore: score } = recordOf(each)
      if (typeof index === 'number' && documents[index] !== undefined && typeof score === 'number')
        return { index, score }
      throw this.#notUnderstood()
    })
    return { ranking: ranking.sort((a, b) => b.score - a.score), inputTokens: 0 }
  }

  async close(): Promise<void> {}

  async #model(makers: readonly string[], id: string, param: string): Promise<AiSdkModel> {
    const made = await this.#made
    try {
      const model = made[this.#turn++ % made.length]?.model(makers, id)
      if (model) return model
    } catch (error) {
      const failed = aiSdkError(error, this.name)
      // Packages that make no models of a kind refuse every one of them, by its name.
      if (failed.code !== 'provider_not_found' || makers.includes('languageModel')) throw failed
    }
    throw unsupported(param, this.name, 'use a provider whose package makes such models')
  }

  async #once(model: AiSdkModel, method: string, options: object, signal: AbortSignal) {
    const patience = this.#patience(signal)
    try {
      const answer = model.call(method, { ...options, abortSignal: patience.signal })
      const result = recordOf(await patience.wait(answer, 'firstByte'))
      refuseWarnings(result['warnings'], this.name)
      return result
    } catch (error) {
      throw this.#errorOf(error, signal)
    } finally {
      patience.end()
    }
  }

  #patience(signal: AbortSignal): Patience {
    return new Patience({ provider: this.name, timeouts: timeoutsOf(this.#settings.timeouts), signal })
  }

  #errorOf(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted && error === signal.reason ? error : aiSdkError(error, this.name)
  }

  #notUnderstood(): InferloomError {
    return new InferloomError('provider_invalid_reply', `${this.name} sent something that is not an answer.`)
  }
}

async function makeAll(settings: ProviderSettings, packageName: string): Promise<readonly AiSdkProvider[]> {
  const { name, keys, baseUrl, headers, extra = {} } = settings
  const create = textOf(extra['create'])
  const from = textOf(extra['from'])
  const place = { ...(create !== undefined && { create }), ...(from !== undefined && { from }) }
  const make = await loadAiSdk({ name, packageName, ...place })
  const options = {
    // Packages that stand for many providers want one.
    name,
    ...(baseUrl !== undefined && { baseURL: baseUrl }),
    ...(headers && { headers }),
    fetch: unredirected,
    ...(isRecord(extra['options']) && extra['options']),
  }
  const several = keys.length === 0 ? [options] : keys.map((apiKey) => ({ apiKey, ...options }))
  return several.map((each) => aiSdkProvider(make(each), name))
}

/** A key must not travel to an address that nobody wrote down. */
const unredirected: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'error' })

function partsOf(stream: unknown, provider: string): ReadableStreamDefaultReader<unknown> {
  if (stream instanceof ReadableStream) return stream.getReader()
  throw new InferloomError('provider_invalid_reply', `The package of ${provider} answered without a stream.`)
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number')
}
