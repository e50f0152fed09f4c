import type { FastifyInstance } from 'fastify'
import type { EnginePool } from '../engine/pool.ts'
import type { Levers } from './levers.ts'
import { providerReport } from './provider-reports.ts'
import type { OpenedProvider } from './providers.ts'
import type { Reload } from './reload.ts'

interface AdminParts {
  readonly pool: EnginePool
  readonly opened: readonly OpenedProvider[]
  readonly reload: Reload
  readonly levers: Pick<Levers, 'report'>
}

/** What the dashboard asks for. */
export function addAdminRoutes(app: FastifyInstance, { pool, opened, reload, levers }: AdminParts): void {
  app.get('/admin/levers', () => levers.report())
  app.post('/admin/reload', () => reload.reload())
  app.get('/admin/engine', () => pool.report())
  app.get('/admin/providers', () => ({ data: opened.map(providerReport) }))
}
