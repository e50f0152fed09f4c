// https://developers.openai.com/api/reference/resources/responses
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import { inputOf, outputOf, type Archive, type Item } from '../dialects/openai-responses/archive.ts'
import { ownerOf } from '../gateway/caller.ts'
import type { ResponseStore } from '../gateway/responses/response-store.ts'

type Stored = Archive & Pick<ResponseStore, 'delete'>

/** Answers that were kept, for whom they were made: `GET`, `DELETE`, their input, and what cannot be cancelled. */
export function addStoredResponseRoutes(app: FastifyInstance, stored: Stored | undefined): void {
  const found = async (request: FastifyRequest) => {
    const { id, owner } = asked(request)
    const response = await stored?.find(id, owner)
    if (!response) throw notFound(id, stored !== undefined)
    return response
  }
  app.get('/v1/responses/:id', async (request, reply) => {
    refuseStream(request)
    const { response } = await found(request)
    return await reply.type('application/json; charset=utf-8').send(response)
  })
  app.delete('/v1/responses/:id', async (request) => {
    const { id, owner } = asked(request)
    if (!(await stored?.delete(id, owner))) throw notFound(id, stored !== undefined)
    return { id, object: 'response', deleted: true }
  })
  app.post('/v1/responses/:id/cancel', async (request) => {
    const { id } = await found(request)
    const message = `Response '${id}' was not made in the background, so it cannot be cancelled. Remedy: close the connection while it is answered.`
    throw new InferloomError('invalid_value', message, { param: 'id' })
  })
  app.get('/v1/responses/:id/input_items', async (request) => {
    const { id, owner } = asked(request)
    // What the model was given is all that went before too.
    const chain = (await stored?.chain(id, owner)) ?? []
    const latest = chain.at(-1) ?? (await found(request))
    const before = chain.slice(0, -1).flatMap((each) => [...inputOf(each), ...outputOf(each)])
    return page([...before, ...inputOf(latest)], request.query as Query)
  })
}

function asked({ params, caller }: FastifyRequest): { id: string; owner: string } {
  return { id: (params as { id: string }).id, owner: ownerOf(caller) ?? '' }
}

function notFound(id: string, keeps: boolean): InferloomError {
  const why = keeps
    ? 'Answers are kept for responses.maxAgeDays where store is not false; what a provider keeps is asked of the provider'
    : 'responses.store is off, so that nothing is kept'
  return new InferloomError('response_not_found', `Response with id '${id.slice(0, 80)}' not found. ${why}.`, {
    param: 'id',
  })
}

function refuseStream({ query }: FastifyRequest): void {
  if ((query as { stream?: string }).stream !== 'true') return
  const message = 'stream = true is for answers made in the background. Remedy: leave it out.'
  throw new InferloomError('unsupported_parameter', message, { param: 'stream' })
}

interface Query {
  readonly limit?: string
  readonly order?: string
  readonly after?: string
}

/** The latest first unless asked otherwise, and 20 of them, as at OpenAI. */
function page(items: readonly Item[], { limit: given = '20', order = 'desc', after }: Query) {
  const limit = Number(given)
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new InferloomError('invalid_value', 'limit must be a whole number from 1 to 100.', { param: 'limit' })
  }
  if (order !== 'asc' && order !== 'desc') {
    throw new InferloomError('invalid_value', 'order must be asc or desc.', { param: 'order' })
  }
  const ordered = order === 'asc' ? items : items.toReversed()
  const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && start === 0) {
    throw new InferloomError('invalid_value', `after = '${after.slice(0, 80)}' is no item of this response.`, {
      param: 'after',
    })
  }
  const data = ordered.slice(start, start + limit)
  const has_more = start + limit < ordered.length
  return { object: 'list', data, first_id: data[0]?.['id'] ?? null, last_id: data.at(-1)?.['id'] ?? null, has_more }
}
