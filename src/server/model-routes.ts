import type { FastifyInstance } from 'fastify'
import { anthropicModel, anthropicModels, speaksAnthropic } from '../dialects/anthropic-messages/models.ts'
import { errorBody } from '../dialects/gemini/error-body.ts'
import { geminiModel, geminiModels, plainModel, speaksGemini } from '../dialects/gemini/models.ts'
import type { Caller } from '../gateway/caller.ts'
import { mayAsk, refusal } from '../gateway/keys/allowed-models.ts'
import type { Models } from '../gateway/models.ts'
import type { Routes } from '../gateway/routing/routes.ts'
import type { ModelInfo } from '../providers/provider.ts'

/** Which models there are, in the words of whoever asks. Names may hold slashes, hence the wildcards. */
export function addModelRoutes(app: FastifyInstance, models: Models, routes: Routes): void {
  const listFor = (caller: Caller) => [...models.list(), ...routes.list()].filter(({ id }) => mayAskFor(caller, id))
  const describe = (name: string, caller: Caller) => {
    const model = routes.list().find(({ id }) => id === name) ?? models.describe(name)
    if (!mayAskFor(caller, name) && !mayAskFor(caller, model.id)) throw refusal(caller, name)
    return model
  }
  app.get('/v1/models', ({ headers, query, id, caller }, reply) => {
    const list = listFor(caller)
    if (speaksAnthropic(headers)) return reply.header('request-id', id).send(anthropicModels(list))
    return speaksGemini(headers) ? geminiModels(list, query as object) : { object: 'list', data: list.map(modelBody) }
  })
  app.get('/v1/models/*', ({ headers, params, id, caller }, reply) => {
    const model = describe(nameIn(params), caller)
    if (speaksAnthropic(headers)) return reply.header('request-id', id).send(anthropicModel(model))
    return speaksGemini(headers) ? geminiModel(model) : modelBody(model)
  })
  const config = { errorBody }
  app.get('/v1beta/models', { config }, ({ query, caller }) => geminiModels(listFor(caller), query as object))
  app.get('/v1beta/models/*', { config }, ({ params, caller }) =>
    geminiModel(describe(plainModel(nameIn(params)), caller)),
  )
}

/** By the model's own name, or with its provider's before it, as lists have those of remote ones. */
function mayAskFor(caller: Caller, name: string): boolean {
  return mayAsk(caller, name) || mayAsk(caller, name.slice(name.indexOf('/') + 1))
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
