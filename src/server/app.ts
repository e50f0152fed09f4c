import { randomUUID } from 'node:crypto'
import fastify, { LogController, type FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { Config } from '../config/schema.ts'
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
import { answerOnce } from './answer-once.ts'
import { answer } from './answer.ts'
import { Guard } from './guard.ts'
import { installErrorHandlers, onClientError } from './http-errors.ts'
import { addStoredResponseRoutes } from './stored-responses.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it, where keys are asked for. */
    owner: string | undefined
  }
}

const dialects = [openaiChat, openaiCompletions]

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
  const guard = new Guard(server)
  const app = fastify({
    logger: { level: config.log, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.floor(server.bodyLimitMB * 1_000_000),
    genReqId: () => randomUUID().replaceAll('-', ''),
    requestTimeout: server.requestTimeoutSeconds * 1000,
    keepAliveTimeout: server.idleTimeoutSeconds * 1000,
    http: { headersTimeout: server.headersTimeoutSeconds * 1000, requestTimeout: server.requestTimeoutSeconds * 1000 },
    clientErrorHandler: onClientError,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
  })
  app.decorateRequest('owner', undefined)
  installErrorHandlers(app)
  readBodiesAsJson(app)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    if (isClosing()) {
      void reply.header('connection', 'close')
      throw new InferloomError('shutting_down', 'inferloom is shutting down.', { retryAfterSeconds: 5 })
    }
    guard.checkHost(request.headers)
    const origin = guard.checkOrigin(request.headers)
    if (origin !== undefined) {
      void reply.headers({
        'access-control-allow-origin': origin,
        vary: 'origin',
        'access-control-expose-headers': 'x-request-id',
      })
    }
    if (request.method === 'OPTIONS' && origin !== undefined) {
      const allow = {
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-allow-methods': 'GET, POST, DELETE',
      }
      return reply.headers(allow).status(204).send()
    }
    if (request.url !== '/health' && request.url !== '/ready') request.owner = guard.checkKey(request.headers)
    return undefined
  })

  for (const dialect of [...dialects, openaiResponses(responses)]) {
    const options = { dialect, pipeline, active, idleTimeoutMs: server.idleTimeoutSeconds * 1000 }
    for (const path of dialect.paths) app.post(path, (request, reply) => answer(options, request, reply))
  }
  const once = <Request, Result>(
    dialect: OneShotDialect<Request, Result>,
    run: (request: Request, context: RequestContext) => Promise<Result>,
  ) => {
    for (const path of dialect.paths) {
      app.post(path, (request, reply) => answerOnce({ dialect, run, active }, request, reply))
    }
  }
  once(openaiEmbeddings, (request, context) => pipeline.embed(request, context))
  once(rerank, (request, context) => pipeline.rerank(request, context))
  addStoredResponseRoutes(app, responses)
  app.get('/v1/models', () => ({ object: 'list', data: models.list().map(modelBody) }))
  // Model names may hold slashes, hence the wildcard.
  app.get('/v1/models/*', (request) => modelBody(models.find((request.params as { '*': string })['*']).model))
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

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whatever content type a client names, these endpoints take JSON: `curl -d` names the one of web forms. */
function readBodiesAsJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    let text: string
    try {
      text = utf8.decode(body as Buffer)
    } catch {
      return done(new InferloomError('invalid_utf8', 'The request body is not valid UTF-8.'))
    }
    try {
      return done(null, JSON.parse(text))
    } catch (error) {
      const reason = error instanceof Error ? error.message.slice(0, 200) : ''
      return done(new InferloomError('invalid_json', `The request body is not JSON: ${reason}`))
    }
  })
}
