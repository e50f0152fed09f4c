import type { FastifyReply } from 'fastify'
import type { CacheOutcome } from '../gateway/cache/answer-cache.ts'
import type { Chosen, RequestContext } from '../gateway/pipeline.ts'
import { tellStanding } from './limit-headers.ts'

/** What is said of an answer beside it, before anything of it is sent. */
export function toldHeaders(
  reply: FastifyReply,
): Required<Pick<RequestContext, 'admitted' | 'chosen' | 'cached' | 'shortened'>> {
  return {
    admitted: (standing) => tellStanding(reply, standing),
    chosen: (chosen) => void reply.header('x-inferloom-route', routeText(chosen)),
    cached: (outcome: CacheOutcome) => void reply.header('x-inferloom-cache', outcome),
    shortened: (removed) =>
      void reply.header(
        'x-inferloom-prompt',
        removed.map(({ policy, tokens }) => `${policy}; tokens=${tokens}`).join(', '),
      ),
  }
}

/** `openai/gpt-4.1-mini; route=fast; objective=fastest; attempts=2` */
function routeText({ id, route, objective, attempts }: Chosen): string {
  const parts = [
    plain(id),
    ...(route === undefined ? [] : [`route=${plain(route)}`]),
    ...(objective === undefined ? [] : [`objective=${objective}`]),
    `attempts=${attempts}`,
  ]
  return parts.join('; ')
}

/** Names may hold what headers may not. */
function plain(name: string): string {
  return encodeURI(name).replaceAll(/[;,"]/g, encodeURIComponent)
}
