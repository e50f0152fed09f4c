import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../../canonical/embed.ts'
import type { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import type { RelayChunk, RelayRequest, TokenCount } from '../provider.ts'

/** Where on an upstream a request goes, and what it says there. */
export interface WireRequest {
  /** Appended to the base URL: `/chat/completions`. What a client chose is percent-encoded in it. */
  readonly path: string
  /** JSON. */
  readonly body: string
  /** Beside those that say who asks. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One event of a stream, whatever framed it. */
export interface WireEvent {
  /** Its name, where the framing gives it one. */
  readonly event?: string
  readonly data: string
}

/** Understands one streamed answer, event by event. Any input is possible; what is not understood throws. */
export interface StreamReader {
  /** What an event means; often nothing. An error that the provider reports in mid-stream is thrown. */
  read(event: WireEvent): readonly StreamEvent[]
  /** What was held back to the end. Throws `provider_invalid_reply` where the stream was cut before its end. */
  end(): readonly StreamEvent[]
}

/** Watches one answer that is passed on unread, as cheaply as it can: it looks for marks in bytes and parses only usage. */
export interface RelayWatch {
  /** The bytes of one whole event, framing included, or of the whole body where it is not a stream. */
  see(event: Uint8Array): Seen
  /** Whether the answer may end here: a stream that ends before that was cut. */
  readonly complete: boolean
}

export interface Seen extends Omit<RelayChunk, 'bytes'> {
  /** The client did not ask for this event, we did: it is not passed on. */
  readonly hidden?: boolean
}

/** What an upstream answered instead of a result. */
export interface UpstreamRefusal {
  readonly provider: string
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Cut at 64 KB. */
  readonly body: string
}

/** How to generate on one wire: what a request is on it, and what its answers mean. */
export interface GenerateWire {
  /** Also the name of the dialect, if clients speak it too. */
  readonly name: string
  readonly framing: 'server-sent-events' | 'aws-event-stream'
  /** Absent means conversations. */
  readonly takes?: GenerateRequest['input']['kind']
  /** Whether it keeps what the other wires of a provider would lose of a request, and so goes before them. */
  preferred?(request: GenerateRequest): boolean
  /** Whether the answer to a request can be streamed; absent means that every one can. */
  streams?(request: GenerateRequest): boolean
  /** Throws `unsupported_parameter`, naming the field and the provider, for what this wire cannot say. */
  request(request: GenerateRequest, options: { readonly provider: string; readonly stream: boolean }): WireRequest
  whole(body: unknown): readonly StreamEvent[]
  reader(): StreamReader
  refusal(refusal: UpstreamRefusal): InferloomError
  /** Absent where no dialect of ours is this wire. */
  readonly relay?: WireRelay
}

/** How requests of a wire are passed on. */
interface WireRelay {
  request(request: RelayRequest): Omit<WireRequest, 'body'> & Pick<RelayRequest, 'body'>
  /** `request` is the one that was sent, for watches that need to know what was asked for. */
  watch(stream: boolean, request?: RelayRequest): RelayWatch
}

/** A wire on which requests are only ever passed on. */
export interface RelayWire extends Pick<GenerateWire, 'name' | 'framing' | 'refusal'> {
  readonly relay: WireRelay
  /** The types of answers that are neither JSON nor events, and pass as they come. Where it is set, any form may come. */
  readonly bytes?: RegExp
}

/** How to ask for the length of a prompt. */
export interface CountWire {
  request(request: GenerateRequest, options: { readonly provider: string }): WireRequest
  result(body: unknown): TokenCount
  refusal(refusal: UpstreamRefusal): InferloomError
}

export interface EmbedWire {
  /** Inputs that one request may hold; more are sent in several. Absent means any number. */
  readonly most?: (model: string) => number
  request(request: EmbedRequest, options: { readonly provider: string }): WireRequest
  /** `headers` have names in lower case. */
  result(body: unknown, request: EmbedRequest, headers?: Readonly<Record<string, string>>): EmbedResult
  /** Absent means OpenAI's shape of errors. */
  refusal?(refusal: UpstreamRefusal): InferloomError
}

export interface RerankWire {
  request(request: RerankRequest, options: { readonly provider: string }): WireRequest
  result(body: unknown, request: RerankRequest): RerankResult
  /** Absent means OpenAI's shape of errors. */
  refusal?(refusal: UpstreamRefusal): InferloomError
}
