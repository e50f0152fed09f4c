import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'

/** A client's request, understood. */
interface ParsedRequest {
  readonly request: GenerateRequest
  readonly stream: boolean
  /** Makes the writer of this request's answer; `id` is unique to the request. */
  readonly writer: (id: string) => AnswerWriter
}

/** Writes one answer on the client's wire, either as it comes or whole. */
export interface AnswerWriter {
  /** What a batch of events is on a stream of server-sent events; may be empty. */
  chunk(events: readonly StreamEvent[]): string
  /** Ends a stream that is complete. */
  end(): string
  /** Ends a stream that failed after it had begun. */
  fail(error: InferloomError): string
  /** The whole answer as one JSON text, from every event of it. */
  whole(events: readonly StreamEvent[]): string
}

/** A wire that clients speak: one folder each, with `parse.ts` and `render.ts`. */
export interface Dialect {
  readonly name: string
  /** `/v1/chat/completions`, to which clients POST. */
  readonly path: string
  /** Throws an error that names the field at fault as the client spelled it. */
  parse(body: unknown): ParsedRequest
}
