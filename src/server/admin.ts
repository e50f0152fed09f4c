import type { FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { EnginePool } from '../engine/pool.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import type { Store } from '../storage/store.ts'

const mostRows = 1000

/** What the dashboard and `inferloom requests` ask for. */
export function addAdminRoutes(
  app: FastifyInstance,
  { store, ledger, pool }: { store: Store; ledger: Ledger; pool: EnginePool },
): void {
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
}
