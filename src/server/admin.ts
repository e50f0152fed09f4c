import type { FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { EnginePool } from '../engine/pool.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import type { Store } from '../storage/store.ts'
import { providerReport } from './provider-reports.ts'
import type { OpenedProvider } from './providers.ts'

const mostRows = 1000

interface AdminParts {
  readonly store: Store
  readonly ledger: Ledger
  readonly pool: EnginePool
  readonly opened: readonly OpenedProvider[]
}

/** What the dashboard and `inferloom requests` ask for. */
export function addAdminRoutes(app: FastifyInstance, { store, ledger, pool, opened }: AdminParts): void {
  app.get('/admin/requests', async (request) => {
    const limit = Number((request.query as { limit?: string }).limit ?? 50)
    if (!Number.isInteger(limit) || limit < 1 || limit > mostRows) {
      throw new InferloomError('invalid_value', `limit must be a whole number from 1 to ${mostRows}.`, {
        param: 'limit',
      })
    }
    await ledger.flush()
    return { data: await store.latestRequests(limit) }
  })
  app.get('/admin/engine', () => pool.report())
  app.get('/admin/providers', () => ({ data: opened.map(providerReport) }))
}
