import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import { localCaller, type Caller, type Scope } from '../gateway/caller.ts'
import { Guard, requireScope, type GuardOptions } from './guard.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it. */
    caller: Caller
  }
}

/** Paths that whoever watches over the process may ask for without a key. */
const watched: ReadonlySet<string> = new Set(['/health', '/ready'])

/** Names every answer, and lets in who may come in. */
export function admitRequests(app: FastifyInstance, options: GuardOptions, isClosing: () => boolean): void {
  const guard = new Guard(options)
  const open = options.isLocal ? new Set([...watched, '/metrics']) : watched
  app.decorateRequest('caller')
  // Without a promise: this runs before every request.
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    const { config, url: route = '' } = request.routeOptions
    const { idHeader } = config
    if (idHeader !== undefined) void reply.header(idHeader, request.id)
    try {
      if (isClosing()) {
        void reply.header('connection', 'close')
        throw new InferloomError('shutting_down', 'inferloom is shutting down.', { retryAfterSeconds: 5 })
      }
      guard.checkHost(request.headers)
      const origin = guard.checkOrigin(request.headers)
      if (origin !== undefined) allowOrigin(origin, reply)
      if (origin !== undefined && request.method === 'OPTIONS') return answerPreflight(reply)
      if (open.has(route)) {
        request.caller = localCaller
        return done()
      }
      request.caller = guard.identify(request.headers, request.url)
      requireScope(request.caller, scopeOf(route, request.method))
      done()
    } catch (error) {
      done(error as Error)
    }
  })
}

/** By the route that was found: its address can be written in several ways, such as /%61dmin/keys. */
function scopeOf(route: string, method: string): Scope {
  if (route === '/metrics') return 'admin:read'
  if (!route.startsWith('/admin')) return 'inference'
  return method === 'GET' || method === 'HEAD' ? 'admin:read' : 'admin'
}

function allowOrigin(origin: string, reply: FastifyReply): void {
  void reply.headers({
    'access-control-allow-origin': origin,
    vary: 'origin',
    'access-control-expose-headers': exposedHeaders,
  })
}

const exposedHeaders = [
  'x-request-id',
  'request-id',
  'x-inferloom-provider-request-id',
  'x-inferloom-cost',
  'x-inferloom-budget-warning',
  'retry-after',
  ...['limit', 'remaining', 'reset'].flatMap((each) => [`x-ratelimit-${each}-requests`, `x-ratelimit-${each}-tokens`]),
].join(', ')

const allowedHeaders: readonly (keyof FastifyRequest['headers'])[] = [
  'authorization',
  'content-type',
  'x-api-key',
  'x-goog-api-key',
  'x-goog-api-client',
  'anthropic-version',
  'anthropic-beta',
  'anthropic-dangerous-direct-browser-access',
  'x-inferloom-deadline',
]

function answerPreflight(reply: FastifyReply): void {
  const allow = {
    'access-control-allow-headers': allowedHeaders.join(', '),
    'access-control-allow-methods': 'GET, POST, DELETE',
  }
  void reply.headers(allow).status(204).send()
}
