import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance } from 'fastify'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { errorBody } from '../dialects/openai/error-body.ts'
import { tellStanding } from './limit-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where a path belongs to a wire whose errors are not OpenAI's. */
    errorBody?: Dialect['errorBody']
    idHeader?: Dialect['idHeader']
  }
}

/** Gives every error the shape of the wire it is told on, whether a route, Fastify or Node's parser found it. */
export function installErrorHandlers(app: FastifyInstance): void {
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = fromFastify(thrown)
    if (error.code === 'internal_error') request.log.error({ err: thrown, requestId: request.id }, 'request failed')
    // The header has whole seconds: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', Math.ceil(error.retryAfterSeconds))
    if (error.standing) tellStanding(reply, error.standing)
    // Clients try again at 429 unless they are told not to, and a budget does not come back in seconds.
    // https://github.com/openai/openai-node/blob/master/src/client.ts (shouldRetry)
    if (error.code === 'budget_exceeded') void reply.header('x-should-retry', 'false')
    if (error.code === 'body_too_large') void reply.header('connection', 'close')
    const providersId = error.fault?.requestId
    if (providersId !== undefined) void reply.header('x-inferloom-provider-request-id', providersId)
    const write = request.routeOptions.config.errorBody ?? errorBody
    return reply.status(error.kind.status).send(write(error, request.id))
  })
  app.setNotFoundHandler((request) => {
    const path = request.url.split('?')[0] ?? ''
    const method = request.method === 'GET' ? 'POST' : 'GET'
    if (app.hasRoute({ url: path, method })) {
      throw new InferloomError('method_not_allowed', `${path} takes ${method}, not ${request.method}.`)
    }
    throw new InferloomError('route_not_found', `There is no ${request.method} ${path.slice(0, 200)} here.`)
  })
}

function fromFastify(thrown: FastifyError): InferloomError {
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new InferloomError(
      'body_too_large',
      'The request body is too large. Remedy: shorten it, or raise server.bodyLimitMB.',
    )
  }
  const status = thrown.statusCode ?? 500
  if (!(thrown instanceof InferloomError) && status >= 400 && status < 500) {
    return new InferloomError('invalid_value', thrown.message)
  }
  return asInferloomError(thrown)
}

/** Answers what is not HTTP, or came too slowly; there is no request yet to answer properly. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.destroyed || error.code === 'ECONNRESET') return void socket.destroy()
  const timeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const known = timeout
    ? new InferloomError('request_timeout', 'The request did not arrive in time.')
    : new InferloomError('invalid_value', `This is not HTTP that inferloom can read (${error.code ?? error.message}).`)
  const body = JSON.stringify(errorBody(known))
  socket.end(
    `HTTP/1.1 ${known.kind.status} ${timeout ? 'Request Timeout' : 'Bad Request'}\r\nconnection: close\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
