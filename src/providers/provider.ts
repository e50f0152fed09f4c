import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import type { InferloomError } from '../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Usage } from '../canonical/usage.ts'

/** What one provider says about a model it serves. */
export interface ModelInfo {
  readonly id: string
  /** Who runs it, as `GET /v1/models` reports it. */
  readonly ownedBy: string
  /** Seconds since 1970. */
  readonly created: number
  /** Prompt and output together, in tokens, where the provider says. */
  readonly contextTokens?: number
  readonly parameters?: number
  readonly sizeBytes?: number
}

/** What a client sent, to be passed on as it stands to a provider that speaks the client's own wire. */
/** Marks in a body, which `JSON.parse` has read, for the cache of its provider. */
export interface BodyMarks {
  /** Whether its client may have marked it: then it is left alone. */
  isMarked(text: string): boolean
  /** What a provider caches, in its order. */
  parts(body: Readonly<Record<string, unknown>>): readonly { readonly value: unknown; readonly isTools: boolean }[]
  /** The text of the body with a mark at the end of each of these parts, where it can have one. */
  mark(text: string, body: Readonly<Record<string, unknown>>, parts: readonly number[]): string
}

export interface RelayRequest {
  /** The name of the wire, which is that of the client's dialect. */
  readonly wire: string
  /** As the provider calls it. */
  readonly model: string
  /** The body in the client's own bytes, but for what policy had to change. */
  readonly body: string | Uint8Array
  readonly stream: boolean
  /** Those of the client's headers that belong to the wire, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** Bytes of an answer on their way to the client, with what was seen in them. */
export interface RelayChunk {
  readonly bytes: Uint8Array
  /** Pieces of output in these bytes. */
  readonly deltas: number
  /** That they are no text, such as sounds: their number says nothing of tokens. */
  readonly opaque?: true
  readonly finishReason?: FinishReason | undefined
  readonly usage?: Usage | undefined
  /** The very model that answers, where that was read. */
  readonly model?: string | undefined
  /** What the provider reports instead of going on; the client is told by these bytes. */
  readonly error?: InferloomError | undefined
  /** That nothing comes after these bytes, so that nobody need ask. */
  readonly isLast?: true
}

export interface RelayReply {
  readonly status: number
  /** Those that the client may see, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Throws where the answer is cut, stalls or was no answer. An error that the provider itself reports in mid-stream
   * passes as it is. Returning early cancels the request upstream.
   */
  readonly chunks: AsyncIterable<RelayChunk>
}

export interface TokenCount {
  readonly tokens: number
  /** Whether an answer to the same prompt would count the same. */
  readonly exact: boolean
}

/** Of a service that is asked: where it is, and how its list of models was read the last time. */
interface UpstreamState {
  /** Without what else its address holds, which may be secret. */
  readonly host: string
  /** Milliseconds since 1970; absent where the list was never read. */
  readonly readAt?: number
  /** Why it could not be read the last time it was tried. */
  readonly failure?: InferloomError
}

/** How busy a model is where it runs, whoever asked it. */
export interface ModelLoad {
  /** Requests that are being answered, and those that wait for their turn. */
  readonly running: number
  readonly waiting: number
  /** Of the memory that what was read is kept in, from 0 to 1. */
  readonly cacheUse?: number
}

/** Something that answers requests: a local engine, or another service over its own wire. */
export interface Provider {
  readonly name: string
  models(): readonly ModelInfo[]
  /** Whether a model that it does not list may be asked for all the same: it then says itself whether there is one. */
  readonly acceptsUnlisted?: boolean
  /** Whether it serves by deadlines itself, and answers late rather than not at all; others' requests end with theirs. */
  readonly plansDeadlines?: boolean
  /** Resolves when requests can be answered now, rejects with the reason when they cannot. */
  ready(): Promise<void>
  /**
   * Answers one request with batches of events: what arrived since the last batch was taken comes as one.
   * Refusals are thrown before the first batch; aborting `signal` frees everything the request held.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<readonly StreamEvent[]>
  /** Absent where no model of it can. Aborting `signal` rejects with its reason. */
  embed?(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResult>
  rerank?(request: RerankRequest, signal: AbortSignal): Promise<RerankResult>
  /** How long a prompt is, without answering it. Absent where nobody says. */
  countTokens?(request: GenerateRequest, signal: AbortSignal): Promise<TokenCount>
  /** What a model of it cannot take beside text, by the names that routes know: `images`, `tools`. Absent: not known. */
  lacks?(model: string): readonly string[]
  /** How busy a model of it is. Never waits: undefined where that is not known, or not yet. */
  load?(model: string): ModelLoad | undefined
  /**
   * Whether a model of it keeps the beginning of a prompt where it is asked to, and from how many tokens on: by marks in
   * the prompt, or by a key that prompts with the same beginning share.
   */
  cacheMarks?(model: string): {
    readonly minimumTokens: number
    readonly by?: 'key'
    /** How bodies that are passed on are marked, by their wire. */
    readonly inBodies?: Readonly<Record<string, BodyMarks>>
  }
  /** The wires on which `relay` takes a client's own bytes for a model. */
  relays?(model: string): readonly string[]
  /** Passes a request on unread. Rejects with the provider's refusal where it answers with an error. */
  relay?(request: RelayRequest, signal: AbortSignal): Promise<RelayReply>
  /**
   * Asks the service behind it for something that costs nothing: a page of its server, or its list of models. Rejects
   * with the reason where it does not answer; undefined where there is nothing to ask for.
   */
  probe?(path: string | undefined, signal: AbortSignal): Promise<void> | undefined
  /** What is known of the service behind it; absent where there is none, or none that is known here. */
  upstream?(): UpstreamState
  close(): Promise<void>
}
