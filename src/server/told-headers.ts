import type { FastifyReply } from 'fastify'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { Announcer, Chosen } from '../gateway/announcer.ts'
import type { CacheOutcome } from '../gateway/cache/answer-cache.ts'
import { tellStanding } from './limit-headers.ts'

/** Says in headers what is said beside an answer. */
export class ToldHeaders implements Announcer {
  readonly #reply: FastifyReply

  constructor(reply: FastifyReply) {
    this.#reply = reply
  }

  standing(standing: LimitStanding): void {
    tellStanding(this.#reply, standing)
  }

  chosen(chosen: Chosen): void {
    void this.#reply.header('x-inferloom-route', routeText(chosen))
  }

  cached(outcome: CacheOutcome): void {
    void this.#reply.header('x-inferloom-cache', outcome)
  }

  shortened(removed: Parameters<Announcer['shortened']>[0]): void {
    const text = removed.map(({ policy, tokens }) => `${policy}; tokens=${tokens}`).join(', ')
    void this.#reply.header('x-inferloom-prompt', text)
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
