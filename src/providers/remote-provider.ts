import type { EmbedRequest, RerankRequest } from '../canonical/embed.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { UpstreamTimeouts } from '../transport/exchange.ts'
import { UpstreamClient } from '../transport/upstream-client.ts'
import { Addresses } from './addresses.ts'
import { answerStream, framingOf } from './answer-stream.ts'
import { ask, type Upstream } from './ask.ts'
import { embedInBatches } from './embed-batches.ts'
import { EngineLoad, type LoadNames } from './engine-load.ts'
import { ModelList, type ModelListState } from './model-list.ts'
import type { ModelInfo, Provider, RelayReply, RelayRequest } from './provider.ts'
import { relayAnswer } from './relay-answer.ts'
import { probe } from './probe.ts'
import { bodyKind, faultOf, jsonBody, understood } from './reply-body.ts'
import { openaiRefusal } from './wire/openai-refusal.ts'
import { limitHeadersOf } from './wire/limit-headers.ts'
import { requestIdOf } from './wire/refusal.ts'
import type {
  CountWire,
  EmbedWire,
  GenerateWire,
  RelayWire,
  RerankWire,
  UpstreamRefusal,
  WireRequest,
} from './wire/wire.ts'

export type { UpstreamTimeouts } from '../transport/exchange.ts'

/** What one request of an upstream looks like before it is signed. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array
}

/** Everything that tells one remote provider from another: a new provider is a file that makes one of these. */
export interface RemoteProviderOptions {
  readonly name: string
  /** Never taken from a request. */
  readonly baseUrl: string
  /** Adds what says who asks, to this provider alone. Called once for each attempt, so that several keys can take turns. */
  readonly authorize: (request: UnsignedRequest) => UnsignedRequest | Promise<UnsignedRequest>
  /** The wires that a model can be asked on, the one to translate to first. */
  readonly generate: (model: string) => readonly GenerateWire[]
  /** What is only ever passed on to it. */
  readonly passed?: readonly RelayWire[]
  readonly embed?: EmbedWire
  readonly count?: CountWire
  /** Absent where it keeps prompts by itself, or not at all. */
  readonly cacheMarks?: Provider['cacheMarks']
  readonly rerank?: RerankWire
  /** How the list of models is read; absent where the provider has none, and `models` names some. */
  readonly list?: { readonly path: string; readonly read: (body: unknown) => readonly ModelInfo[] }
  /** How its page for Prometheus is read, where it has one. */
  readonly load?: LoadNames
  /** Served beside those of the list. */
  readonly models?: readonly ModelInfo[]
  readonly timeouts: UpstreamTimeouts
}

export interface RemoteProvider extends Provider {
  /** How the list of models was read the last time. */
  readonly listState: ModelListState
}

/** Makes a provider of a service that is asked over HTTP. */
export function remoteProvider(options: RemoteProviderOptions): RemoteProvider {
  const { name, authorize, count, embed, rerank, passed = [] } = options
  const baseUrl = options.baseUrl.replace(/\/+$/, '')
  const client = new UpstreamClient(name, options.timeouts)
  const upstream: Upstream = { name, addresses: new Addresses(baseUrl), client, authorize }
  const models = new ModelList({
    fixed: options.models ?? [],
    read: (signal) => readList(upstream, options.list, signal),
  })
  const load = options.load && new EngineLoad(upstream, baseUrl, options.load)
  const known = new WeakMap<readonly GenerateWire[], Wires>()
  const wiresOf = (model: string): Wires => {
    const own = options.generate(model)
    let wires = known.get(own)
    if (!wires) known.set(own, (wires = wiresWith(own, passed)))
    return wires
  }
  return {
    name,
    acceptsUnlisted: true,
    models: () => models.models,
    get listState() {
      return models.state
    },
    // A provider that cannot be reached now may be reached by the time it is asked.
    ready: async () => {},
    generate(request, signal) {
      models.asked(request.model)
      return generate(upstream, options.generate(request.model), request, signal)
    },
    ...(count && {
      countTokens: async (request: GenerateRequest, signal: AbortSignal) => {
        models.asked(request.model)
        const refusal = (given: UpstreamRefusal) => count.refusal(given)
        const { body } = await once(upstream, count.request(request, { provider: name }), refusal, signal)
        return understood(name, () => count.result(body))
      },
    }),
    ...(embed && {
      embed: async (request: EmbedRequest, signal: AbortSignal) => {
        models.asked(request.model)
        const send = async (part: EmbedRequest, either: AbortSignal) => {
          const wireRequest = embed.request(part, { provider: name })
          const { body, headers } = await once(upstream, wireRequest, refusalOf(embed), either)
          return understood(name, () => embed.result(body, part, headers))
        }
        return await embedInBatches(request, { provider: name, most: embed.most?.(request.model), send, signal })
      },
    }),
    ...(rerank && {
      rerank: async (request: RerankRequest, signal: AbortSignal) => {
        models.asked(request.model)
        const { body } = await once(upstream, rerank.request(request, { provider: name }), refusalOf(rerank), signal)
        return understood(name, () => rerank.result(body, request))
      },
    }),
    ...(load && { load: () => load.get() }),
    ...(options.cacheMarks && { cacheMarks: options.cacheMarks }),
    relays: (model) => wiresOf(model).relayed,
    relay(request, signal) {
      models.asked(request.model)
      return relay(upstream, wiresOf(request.model).all, request, signal)
    },
    probe(path, signal) {
      if (path !== undefined) return probe(upstream, { atRoot: path, baseUrl }, signal)
      return options.list && probe(upstream, { below: options.list.path }, signal)
    },
    upstream: () => ({ host: new URL(baseUrl).host, ...models.state }),
    async close() {
      await models.close()
      await load?.close()
      await client.close()
    },
  }
}

/** Of a model; most providers have the same list for all of theirs, so that this is made once. */
interface Wires {
  readonly all: readonly (GenerateWire | RelayWire)[]
  /** The names of those on which requests are passed on. */
  readonly relayed: readonly string[]
}

function wiresWith(own: readonly GenerateWire[], passed: readonly RelayWire[]): Wires {
  const all = [...own, ...passed]
  return { all, relayed: all.filter((wire) => wire.relay).map((wire) => wire.name) }
}

async function* generate(
  upstream: Upstream,
  wires: readonly GenerateWire[],
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly StreamEvent[]> {
  const { name: provider } = upstream
  const { wire, wireRequest, stream } = chosenWire(wires, request, provider)
  const accept = stream ? accepted[wire.framing] : 'application/json'
  const refusal = (given: UpstreamRefusal) => wire.refusal(given)
  const { traceparent } = request
  const headers = traceparent === undefined ? wireRequest.headers : { ...wireRequest.headers, traceparent }
  const question = { method: 'POST', accept, refusal, ...wireRequest, ...(headers && { headers }) } as const
  const reply = await ask(upstream, question, signal)
  const first = saidInHeaders(reply.headers)
  try {
    const kind = bodyKind(reply, stream ? wire.framing : 'json', provider)
    // Some providers answer whole although a stream was asked for; that is an answer too.
    if (kind === 'json') yield [...first, ...wire.whole(await jsonBody(reply, provider))]
    else yield* answerStream(reply, framingOf(kind), wire.reader(), first)
  } catch (error) {
    throw error === signal.reason ? error : faultOf(error, provider)
  } finally {
    reply.cancel()
  }
}

function saidInHeaders(headers: Readonly<Record<string, string>>): readonly StreamEvent[] {
  const requestId = requestIdOf(headers)
  const limits = limitHeadersOf(headers)
  if (requestId === undefined && !limits) return []
  return [{ type: 'response-metadata', ...(requestId !== undefined && { requestId }), ...(limits && { limits }) }]
}

const accepted: Readonly<Record<GenerateWire['framing'], string>> = {
  'server-sent-events': 'text/event-stream',
  'aws-event-stream': 'application/vnd.amazon.eventstream',
}

interface ChosenWire {
  readonly wire: GenerateWire
  readonly wireRequest: WireRequest
  readonly stream: boolean
}

/** The first wire that can say all of the request; where none can, what the first one cannot say is the reason. */
function chosenWire(wires: readonly GenerateWire[], request: GenerateRequest, provider: string): ChosenWire {
  const { kind } = request.input
  let complaint: InferloomError | undefined
  const fitting = wires.filter((each) => (each.takes ?? 'chat') === kind)
  const preferred = fitting.filter((each) => each.preferred?.(request))
  for (const wire of new Set([...preferred, ...fitting])) {
    const stream = wire.streams?.(request) ?? true
    try {
      return { wire, wireRequest: wire.request(request, { provider, stream }), stream }
    } catch (error) {
      if (!(error instanceof InferloomError) || error.code !== 'unsupported_parameter') throw error
      complaint ??= error
    }
  }
  if (complaint) throw complaint
  const [what, param] = kind === 'chat' ? ['conversations', 'messages'] : ['bare prompts', 'prompt']
  const message = `Model '${request.model.slice(0, 200)}' at ${provider} does not take ${what}. Remedy: use another model.`
  throw new InferloomError('unsupported_parameter', message, { param })
}

async function relay(
  upstream: Upstream,
  wires: readonly (GenerateWire | RelayWire)[],
  request: RelayRequest,
  signal: AbortSignal,
): Promise<RelayReply> {
  const { name: provider } = upstream
  const wire = wires.find((each) => each.name === request.wire && each.relay)
  if (!wire?.relay) {
    const message = `Model '${request.model.slice(0, 200)}' at ${provider} does not speak ${request.wire}.`
    throw new InferloomError('unsupported_parameter', message, { param: 'model' })
  }
  const { stream } = request
  const bytes = 'bytes' in wire ? wire.bytes : undefined
  const accept = bytes ? '*/*' : stream ? accepted[wire.framing] : 'application/json'
  const refusal = (given: UpstreamRefusal) => wire.refusal(given)
  const reply = await ask(upstream, { method: 'POST', accept, refusal, ...wire.relay.request(request) }, signal)
  return relayAnswer(reply, {
    provider,
    framing: wire.framing,
    watch: wire.relay.watch(stream, request),
    ...(bytes && { bytes }),
    stream,
    signal,
  })
}

/** A request that is answered whole. */
async function once(
  upstream: Upstream,
  request: WireRequest,
  refusal: (refusal: UpstreamRefusal) => InferloomError,
  signal: AbortSignal,
): Promise<{ readonly body: unknown; readonly headers: Readonly<Record<string, string>> }> {
  const reply = await ask(upstream, { method: 'POST', accept: 'application/json', refusal, ...request }, signal)
  return { body: await jsonBody(reply, upstream.name), headers: reply.headers }
}

function refusalOf(wire: EmbedWire | RerankWire): (refusal: UpstreamRefusal) => InferloomError {
  return (refusal) => wire.refusal?.(refusal) ?? openaiRefusal(refusal)
}

async function readList(
  upstream: Upstream,
  list: RemoteProviderOptions['list'],
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  if (!list) return []
  const question = { method: 'GET', path: list.path, accept: 'application/json', refusal: openaiRefusal } as const
  const body = await jsonBody(await ask(upstream, question, signal), upstream.name)
  return understood(upstream.name, () => list.read(body))
}
