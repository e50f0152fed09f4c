import type { FastifyInstance } from 'fastify'
import { anthropicModel, anthropicModels, speaksAnthropic } from '../dialects/anthropic-messages/models.ts'
import { errorBody } from '../dialects/gemini/error-body.ts'
import { geminiModel, geminiModels, plainModel, speaksGemini } from '../dialects/gemini/models.ts'
import type { Caller } from '../gateway/caller.ts'
import { mayAsk } from '../gateway/keys/allowed-models.ts'
import type { Models } from '../gateway/models.ts'
import type { ModelInfo } from '../providers/provider.ts'

/** Which models there are, in the words of whoever asks. Names may hold slashes, hence the wildcards. */
export function addModelRoutes(app: FastifyInstance, models: Models): void {
  const listFor = (caller: Caller) =>
    models.list().filter(({ id }) => mayAsk(caller, id) || mayAsk(caller, id.slice(id.indexOf('/') + 1)))
  app.get('/v1/models', ({ headers, query, id, caller }, reply) => {
    const list = listFor(caller)
    if (speaksAnthropic(headers)) return reply.header('request-id', id).send(anthropicModels(list))
    return speaksGemini(headers) ? geminiModels(list, query as object) : { object: 'list', data: list.map(modelBody) }
  })
  app.get('/v1/models/*', ({ headers, params, id }, reply) => {
    const model = models.describe(nameIn(params))
    if (speaksAnthropic(headers)) return reply.header('request-id', id).send(anthropicModel(model))
    return speaksGemini(headers) ? geminiModel(model) : modelBody(model)
  })
  const config = { errorBody }
  app.get('/v1beta/models', { config }, ({ query, caller }) => geminiModels(listFor(caller), query as object))
  app.get('/v1beta/models/*', { config }, ({ params }) => geminiModel(models.describe(plainModel(nameIn(params)))))
}

function nameIn(params: unknown): string {
  return (params as { readonly '*': string })['*']
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
