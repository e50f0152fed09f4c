import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { GenerateRequest } from '../canonical/request.ts'

/** A client's request, understood. */
export interface ParsedRequest {
  readonly request: GenerateRequest
  readonly stream: boolean
  /** Makes the writer of this request's answer; `id` is unique to the request. */
  readonly writer: (id: string) => AnswerWriter
  /** What is to be said of the answer beside it: `x-inferloom-left-out`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Writes one answer on the client's wire, either as it comes or whole. */
export interface AnswerWriter {
  /** What a batch of events is on a stream of server-sent events; may be empty. */
  chunk(events: readonly StreamEvent[]): string
  /** Ends a stream that is complete. */
  end(): string
  /** Ends a stream that failed after it had begun. */
  fail(error: InferloomError): string
  /** Of a stream; absent means server-sent events. */
  readonly contentType?: string
  /** The whole answer as one JSON text, from every event of it. */
  whole(events: readonly StreamEvent[]): string
}

/** What must be known of a request before it is understood: whom it is for, and who asks. */
export interface Address {
  readonly model: string
  readonly stream: boolean
  /** Where keys tell them apart. */
  readonly owner?: string
  /** In which of its forms the client wants the answer, where the address says so: Gemini's `?alt=sse`. */
  readonly alt?: string
}

/** A wire that clients speak: one folder each, with `parse.ts` and `render.ts`. */
export interface Dialect {
  /** Also the name of the wire: providers that speak it are given the client's own bytes. */
  readonly name: string
  /**
   * To which clients POST, in Fastify's notation: `/v1/chat/completions`; or `/v1beta/models/*:countTokens`, where the
   * star is a name that may hold slashes: its params are `model`, `method` and those of the query.
   */
  readonly paths: readonly string[]
  /** Client headers that belong to the wire and go with a request that is passed on as it stands; in lower case. */
  readonly forwardedHeaders?: readonly string[]
  /** Reads model and stream from where this wire has them; `params` are those of the path. Absent means the body. */
  readonly address?: (body: Readonly<Record<string, unknown>>, params: Readonly<Record<string, string>>) => Address
  /** Whether a body says everything itself, so that it may be passed on as it stands; absent means it does. */
  readonly relayable?: (body: Readonly<Record<string, unknown>>, address?: Address) => boolean
  /** Finds what a body only refers to, such as earlier answers, for `parse`. Never called for what is passed on. */
  readonly recall?: (body: Readonly<Record<string, unknown>>, address: Address) => Promise<unknown>
  /** Throws an error that names the field at fault as the client spelled it. `recalled` is what `recall` found. */
  parse(body: unknown, address: Address, recalled?: unknown): ParsedRequest
  /** An error in the shape of this wire, where no stream has begun; absent means OpenAI's. */
  readonly errorBody?: (error: InferloomError, requestId: string) => object
  /** The header in which its clients look for the id of their request; absent means `x-request-id` alone. */
  readonly idHeader?: 'request-id'
  /** The headers in which its clients look for their limits; absent means OpenAI's. */
  readonly limitHeaders?: (standing: LimitStanding) => Record<string, string>
  /** Ends a stream that is passed on and failed after it had begun, as a writer's `fail` does; absent cuts it. */
  readonly failEvent?: (error: InferloomError) => string
}
