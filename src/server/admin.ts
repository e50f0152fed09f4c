import type { FastifyInstance } from 'fastify'
import type { EnginePool } from '../engine/pool.ts'
import { providerReport } from './provider-reports.ts'
import type { OpenedProvider } from './providers.ts'
import type { Reload } from './reload.ts'

interface AdminParts {
  readonly pool: EnginePool
  readonly opened: readonly OpenedProvider[]
  readonly reload: Reload
}

/** What the dashboard asks for. */
export function addAdminRoutes(app: FastifyInstance, { pool, opened, reload }: AdminParts): void {
  app.post('/admin/reload', () => reload.reload())
  app.get('/admin/engine', () => pool.report())
  app.get('/admin/providers', () => ({ data: opened.map(providerReport) }))
}
