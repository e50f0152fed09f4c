import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import { Guard, type GuardOptions } from './guard.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it, where keys are asked for. */
    owner: string | undefined
  }
}

/** Paths that whoever watches over the process may ask for without a key. */
const open: ReadonlySet<string> = new Set(['/health', '/ready'])

/** Names every answer, and lets in who may come in. */
export function admitRequests(app: FastifyInstance, guardOptions: GuardOptions, isClosing: () => boolean): void {
  const guard = new Guard(guardOptions)
  app.decorateRequest('owner', undefined)
  // Without a promise: this runs before every request.
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    const { idHeader } = request.routeOptions.config
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
      if (!open.has(request.url)) request.owner = guard.checkKey(request.headers, request.url)
      done()
    } catch (error) {
      done(error as Error)
    }
  })
}

function allowOrigin(origin: string, reply: FastifyReply): void {
  void reply.headers({
    'access-control-allow-origin': origin,
    vary: 'origin',
    'access-control-expose-headers': 'x-request-id, request-id, x-inferloom-provider-request-id, retry-after',
  })
}

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
