// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
import type { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { AnswerWriter } from '../dialect.ts'
import { CandidateParts } from './candidate-parts.ts'
import { errorBody } from './error-body.ts'
import { usageMetadata } from './usage.ts'

interface GeminiWriterOptions {
  readonly id: string
  /** As the client called it, where the provider does not name the very model. */
  readonly model: string
  /** Server-sent events, or else one list that grows. */
  readonly sse: boolean
  /** Whether thoughts are shown; what seals them comes in any case. */
  readonly thoughts: boolean
}

export class GeminiWriter implements AnswerWriter {
  readonly contentType: string
  readonly #options: GeminiWriterOptions
  #model: string
  #begun = false
  readonly #candidates: CandidateParts[] = []

  constructor(options: GeminiWriterOptions) {
    this.#options = options
    this.#model = options.model
    this.contentType = options.sse ? 'text/event-stream; charset=utf-8' : 'application/json; charset=utf-8'
  }

  /** A response for what came together; ends come with the usage, as Google sends them. */
  #response(events: readonly StreamEvent[]): object | undefined {
    let end = {}
    let ended = false
    for (const event of events) {
      if (event.type === 'response-metadata') this.#model = event.model ?? this.#model
      else if (event.type === 'finish') {
        end = { usageMetadata: usageMetadata(event.usage) }
        ended = true
      } else (this.#candidates[event.choiceIndex] ??= new CandidateParts(this.#options.thoughts)).add(event)
    }
    const candidates = this.#candidates.flatMap((candidate, index) => {
      const taken = ended ? candidate.last() : candidate.take()
      return taken ? [{ ...taken, index }] : []
    })
    if (candidates.length === 0 && !ended) return undefined
    return { candidates, ...end, modelVersion: this.#model, responseId: this.#options.id }
  }

  chunk(events: readonly StreamEvent[]): string {
    const response = this.#response(events)
    return response ? this.#framed(response) : ''
  }

  #framed(response: object): string {
    const json = JSON.stringify(response)
    if (this.#options.sse) return `data: ${json}\n\n`
    const before = this.#begun ? ',\n' : '['
    this.#begun = true
    return before + json
  }

  end(): string {
    if (this.#options.sse) return ''
    return this.#begun ? ']' : '[]'
  }

  fail(error: InferloomError): string {
    return this.#framed(errorBody(error)) + this.end()
  }

  whole(events: readonly StreamEvent[]): string {
    return JSON.stringify(this.#response(events))
  }
}
