import type { FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { KeyAdmin } from '../gateway/keys/key-admin.ts'

const mostRows = 1000

/** Making and changing keys and teams, and who did. */
export function addKeyRoutes(app: FastifyInstance, keys: KeyAdmin): void {
  const of = (params: unknown) => (params as { readonly id: string }).id
  app.get('/admin/keys', ({ query }) => {
    return keys.listKeys({ revoked: (query as { revoked?: string }).revoked === 'true' })
  })
  app.get('/admin/keys/:id', ({ params }) => keys.showKey(of(params)))
  app.post('/admin/keys', async ({ body, caller }, reply) => {
    return await reply.status(201).send(await keys.createKey(body, caller))
  })
  app.post('/admin/keys/:id', ({ params, body, caller }) => keys.updateKey(of(params), body, caller))
  app.post('/admin/keys/:id/rotate', ({ params, body, caller }) => keys.rotateKey(of(params), body, caller))
  app.post('/admin/keys/:id/revoke', ({ params, caller }) => keys.revokeKey(of(params), caller))
  app.get('/admin/teams', () => ({ data: keys.listTeams() }))
  app.post('/admin/teams', async ({ body, caller }, reply) => {
    return await reply.status(201).send(await keys.createTeam(body, caller))
  })
  app.post('/admin/teams/:id', ({ params, body, caller }) => keys.updateTeam(of(params), body, caller))
  app.post('/admin/teams/:id/remove', ({ params, caller }) => keys.removeTeam(of(params), caller))
  app.get('/admin/audit', async ({ query }) => {
    const limit = Number((query as { limit?: string }).limit ?? 50)
    if (!Number.isInteger(limit) || limit < 1 || limit > mostRows) {
      const message = `limit must be a whole number from 1 to ${mostRows}.`
      throw new InferloomError('invalid_value', message, { param: 'limit' })
    }
    return { data: await keys.latestAudit(limit) }
  })
}
