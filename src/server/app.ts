import fastify, { LogController, type FastifyContextConfig, type FastifyInstance } from 'fastify'
import type { Config } from '../config/schema.ts'
import { anthropicCountTokens } from '../dialects/anthropic-messages/count-tokens.ts'
import { anthropicMessages } from '../dialects/anthropic-messages/parse.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { geminiCountTokens } from '../dialects/gemini/count-tokens.ts'
import { gemini } from '../dialects/gemini/parse.ts'
import { geminiBatchEmbed, geminiEmbed } from '../dialects/gemini-embeddings/parse.ts'
import { openaiChat } from '../dialects/openai-chat/parse.ts'
import { openaiCompletions } from '../dialects/openai-completions/parse.ts'
import type { OneShotDialect } from '../dialects/one-shot.ts'
import { openaiEmbeddings } from '../dialects/openai-embeddings/parse.ts'
import { openaiInputTokens } from '../dialects/openai-responses/input-tokens.ts'
import { openaiResponses } from '../dialects/openai-responses/parse.ts'
import { relayOnly } from '../dialects/openai/relay-only.ts'
import { rerank } from '../dialects/rerank/parse.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import type { Models } from '../gateway/models.ts'
import type { Pipeline, RequestContext } from '../gateway/pipeline.ts'
import type { ResponseStore } from '../gateway/responses/response-store.ts'
import type { Routes } from '../gateway/routing/routes.ts'
import type { Provider } from '../providers/provider.ts'
import type { Roster } from '../transport/roster.ts'
import { admitRequests } from './admit.ts'
import { answerOnce } from './answer-once.ts'
import { answerPassed } from './answer-passed.ts'
import { answer } from './answer.ts'
import { postRoutes } from './custom-methods.ts'
import type { Reload } from './reload.ts'
import type { Telemetry } from './telemetry.ts'
import type { GuardOptions } from './guard.ts'
import { installErrorHandlers, onClientError } from './http-errors.ts'
import { readBodiesAsJson } from './json-bodies.ts'
import { addModelRoutes } from './model-routes.ts'
import { newRequestId } from './request-id.ts'
import { addStoredResponseRoutes } from './stored-responses.ts'

const dialects = [openaiChat, openaiCompletions, anthropicMessages, gemini]

export interface AppParts {
  readonly config: Config
  readonly reload: Pick<Reload, 'failure'>
  readonly admission: GuardOptions
  readonly telemetry: Telemetry
  readonly models: Models
  readonly routes: Routes
  readonly pipeline: Pipeline
  readonly providers: readonly Provider[]
  /** Absent where no answers are kept. */
  readonly responses: ResponseStore | undefined
  readonly ledger: Pick<Ledger, 'state'>
  readonly active: Roster<AbortController>
  readonly isClosing: () => boolean
}

/** Everything that HTTP clients can ask for, short of the admin API. */
export function buildApp({
  config,
  reload,
  admission,
  telemetry,
  models,
  routes,
  pipeline,
  providers,
  responses,
  ledger,
  active,
  isClosing,
}: AppParts): FastifyInstance {
  const { server } = config
  const app = fastify({
    logger: { level: config.log, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.floor(server.bodyLimitMB * 1_000_000),
    // Bodies are checked by the dialects. Fastify's own compilers of schemas would take 3 MB of memory for nothing.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    // One for every request would cost each of them more than its routing does; rows say which request they are about.
    childLoggerFactory: (logger) => logger,
    genReqId: newRequestId,
    // A hundred characters of a name, each written as up to twelve.
    routerOptions: { maxParamLength: 1200 },
    requestTimeout: server.requestTimeoutSeconds * 1000,
    keepAliveTimeout: server.idleTimeoutSeconds * 1000,
    http: { headersTimeout: server.headersTimeoutSeconds * 1000, requestTimeout: server.requestTimeoutSeconds * 1000 },
    clientErrorHandler: onClientError,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
  })
  installErrorHandlers(app)
  readBodiesAsJson(app)
  telemetry.install(app)
  admitRequests(app, admission, isClosing)
  const post = postRoutes(app)
  const idleTimeoutMs = server.idleTimeoutSeconds * 1000

  for (const dialect of [...dialects, openaiResponses(responses)]) {
    const options = { dialect, pipeline, active, idleTimeoutMs }
    const config = routeConfig(dialect)
    for (const path of dialect.paths) post(path, { config }, (request, reply) => answer(options, request, reply))
  }
  for (const dialect of relayOnly) {
    const config = dialect.takesForms ? { takesForms: true as const } : {}
    post(dialect.path, { config }, (request, reply) =>
      answerPassed({ dialect, pipeline, active, idleTimeoutMs }, request, reply),
    )
  }
  const once = <Request, Result>(
    dialect: OneShotDialect<Request, Result>,
    run: (request: Request, context: RequestContext) => Promise<Result>,
    what?: string,
  ) => {
    const config = routeConfig(dialect)
    for (const path of dialect.paths) {
      const passed = what === undefined ? undefined : { name: dialect.name, path, what }
      post(path, { config }, (request, reply) =>
        passed && relayable(dialect, request.body) && pipeline.relays(modelIn(request.body), passed.name)
          ? answerPassed({ dialect: passed, pipeline, active, idleTimeoutMs }, request, reply)
          : answerOnce({ dialect, run, active }, request, reply),
      )
    }
  }
  once(anthropicCountTokens, (request, context) => pipeline.countTokens(request, context))
  once(openaiInputTokens(responses), (request, context) => pipeline.countTokens(request, context), 'count tokens')
  once(geminiCountTokens, (request, context) => pipeline.countTokens(request, context))
  once(geminiEmbed, (request, context) => pipeline.embed(request, context))
  once(geminiBatchEmbed, (request, context) => pipeline.embed(request, context))
  once(openaiEmbeddings, (request, context) => pipeline.embed(request, context), 'embed texts')
  once(rerank, (request, context) => pipeline.rerank(request, context))
  addStoredResponseRoutes(app, responses)
  addModelRoutes(app, models, routes)
  app.get('/health', () => ({ status: 'ok' }))
  app.get('/ready', async () => {
    await Promise.all(providers.map((provider) => provider.ready()))
    const { trouble, ...rows } = ledger.state()
    // Requests are answered all the same, so that whoever asks in order to send some is told to: with 200.
    const degraded = [
      ...(trouble === undefined ? [] : [{ part: 'ledger', reason: trouble, ...rows }]),
      ...(reload.failure === undefined ? [] : [{ part: 'settings', reason: reload.failure.message }]),
    ]
    return { status: 'ready', ...(degraded.length > 0 && { degraded }) }
  })
  return app
}

function routeConfig({
  errorBody,
  idHeader,
  limitHeaders,
}: Pick<Dialect, 'errorBody' | 'idHeader' | 'limitHeaders'>): FastifyContextConfig {
  return { ...(errorBody && { errorBody }), ...(idHeader && { idHeader }), ...(limitHeaders && { limitHeaders }) }
}

function relayable({ relayable: says }: Pick<OneShotDialect<unknown, unknown>, 'relayable'>, body: unknown): boolean {
  return says?.((body ?? {}) as Readonly<Record<string, unknown>>) ?? true
}

function modelIn(body: unknown): string {
  const { model } = (body ?? {}) as { readonly model?: unknown }
  return typeof model === 'string' ? model : ''
}

function noSchemas(): never {
  throw new Error('no route has a schema for Fastify')
}
