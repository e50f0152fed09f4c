import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'

type Answer = (request: FastifyRequest, reply: FastifyReply) => unknown
export type AddPost = (path: string, options: RouteShorthandOptions, answer: Answer) => void

/**
 * Adds paths to which clients POST, among them Google's custom methods, `/v1beta/models/*:countTokens`: the star is a
 * name that may hold slashes, so that all methods of one kind of name share a route. https://google.aip.dev/136
 */
export function postRoutes(app: FastifyInstance): AddPost {
  const methodsAt = new Map<string, Map<string, Answer>>()
  return (path, options, answer) => {
    const [at = '', method] = path.split(':')
    if (!at.endsWith('/*') || method === undefined) return void app.post(path, options, answer)
    const known = methodsAt.get(at)
    if (known) return void known.set(method, answer)
    const methods = new Map([[method, answer]])
    methodsAt.set(at, methods)
    app.post(at, options, (request, reply) => called(methods, request)(request, reply))
  }
}

/** The method that an address names, with what it says beside put where handlers look for it. */
function called(methods: ReadonlyMap<string, Answer>, request: FastifyRequest): Answer {
  const { '*': name } = request.params as { readonly '*': string }
  const colon = name.lastIndexOf(':')
  const method = name.slice(colon + 1)
  const answer = colon === -1 ? undefined : methods.get(method)
  if (!answer) {
    const known = [...methods.keys()].join(', ')
    throw new InferloomError('route_not_found', `There is no method '${method.slice(0, 60)}' here. Known: ${known}.`)
  }
  const query = Object.entries(request.query as object).filter(([, value]) => typeof value === 'string')
  request.params = { ...Object.fromEntries(query), model: name.slice(0, colon), method }
  return answer
}
