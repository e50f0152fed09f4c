import { randomUUID } from 'node:crypto'
import fastify, { LogController, type FastifyInstance } from 'fastify'
import type { Config } from '../config/schema.ts'
import { anthropicCountTokens } from '../dialects/anthropic-messages/count-tokens.ts'
import { anthropicModel, anthropicModels, speaksAnthropic } from '../dialects/anthropic-messages/models.ts'
import { anthropicMessages } from '../dialects/anthropic-messages/parse.ts'
import { openaiChat } from '../dialects/openai-chat/parse.ts'
import { openaiCompletions } from '../dialects/openai-completions/parse.ts'
import type { OneShotDialect } from '../dialects/one-shot.ts'
import { openaiEmbeddings } from '../dialects/openai-embeddings/parse.ts'
import { openaiResponses } from '../dialects/openai-responses/parse.ts'
import { rerank } from '../dialects/rerank/parse.ts'
import type { Models } from '../gateway/models.ts'
import type { Pipeline, RequestContext } from '../gateway/pipeline.ts'
import type { ResponseStore } from '../gateway/responses/response-store.ts'
import type { ModelInfo, Provider } from '../providers/provider.ts'
import { admitRequests } from './admit.ts'
import { answerOnce } from './answer-once.ts'
import { answer } from './answer.ts'
import { installErrorHandlers, onClientError } from './http-errors.ts'
import { readBodiesAsJson } from './json-bodies.ts'
import { addStoredResponseRoutes } from './stored-responses.ts'

const dialects = [openaiChat, openaiCompletions, anthropicMessages]

export interface AppParts {
  readonly config: Config
  readonly models: Models
  readonly pipeline: Pipeline
  readonly providers: readonly Provider[]
  /** Absent where no answers are kept. */
  readonly responses: ResponseStore | undefined
  readonly active: Set<AbortController>
  readonly isClosing: () => boolean
}

/** Everything that HTTP clients can ask for, short of the admin API. */
export function buildApp({
  config,
  models,
  pipeline,
  providers,
  responses,
  active,
  isClosing,
}: AppParts): FastifyInstance {
  const { server } = config
  const app = fastify({
    logger: { level: config.log, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.floor(server.bodyLimitMB * 1_000_000),
    // One for every request would cost each of them more than its routing does; rows say which request they are about.
    childLoggerFactory: (logger) => logger,
    genReqId: () => randomUUID().replaceAll('-', ''),
    requestTimeout: server.requestTimeoutSeconds * 1000,
    keepAliveTimeout: server.idleTimeoutSeconds * 1000,
    http: { headersTimeout: server.headersTimeoutSeconds * 1000, requestTimeout: server.requestTimeoutSeconds * 1000 },
    clientErrorHandler: onClientError,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
  })
  installErrorHandlers(app)
  readBodiesAsJson(app)
  admitRequests(app, server, isClosing)

  for (const dialect of [...dialects, openaiResponses(responses)]) {
    const options = { dialect, pipeline, active, idleTimeoutMs: server.idleTimeoutSeconds * 1000 }
    const config = { ...(dialect.errorBody && { errorBody: dialect.errorBody }) }
    for (const path of dialect.paths) app.post(path, { config }, (request, reply) => answer(options, request, reply))
  }
  const once = <Request, Result>(
    dialect: OneShotDialect<Request, Result>,
    run: (request: Request, context: RequestContext) => Promise<Result>,
  ) => {
    const config = { ...(dialect.errorBody && { errorBody: dialect.errorBody }) }
    for (const path of dialect.paths) {
      app.post(path, { config }, (request, reply) => answerOnce({ dialect, run, active }, request, reply))
    }
  }
  once(anthropicCountTokens, (request, context) => pipeline.countTokens(request, context))
  once(openaiEmbeddings, (request, context) => pipeline.embed(request, context))
  once(rerank, (request, context) => pipeline.rerank(request, context))
  addStoredResponseRoutes(app, responses)
  app.get('/v1/models', ({ headers }) => {
    const list = models.list()
    return speaksAnthropic(headers) ? anthropicModels(list) : { object: 'list', data: list.map(modelBody) }
  })
  // Model names may hold slashes, hence the wildcard.
  app.get('/v1/models/*', ({ headers, params }) => {
    const model = models.describe((params as { '*': string })['*'])
    return speaksAnthropic(headers) ? anthropicModel(model) : modelBody(model)
  })
  app.get('/health', () => ({ status: 'ok' }))
  app.get('/ready', async () => {
    await Promise.all(providers.map((provider) => provider.ready()))
    return { status: 'ready' }
  })
  return app
}

function modelBody({ id, ownedBy, created, contextTokens, parameters, sizeBytes }: ModelInfo) {
  return {
    id,
    object: 'model',
    created,
    owned_by: ownedBy,
    context_length: contextTokens,
    ...(parameters !== undefined && { parameters }),
    ...(sizeBytes !== undefined && { size_bytes: sizeBytes }),
  }
}
