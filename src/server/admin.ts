import type { FastifyInstance } from 'fastify'
import type { EnginePool } from '../engine/pool.ts'
import { providerReport } from './provider-reports.ts'
import type { OpenedProvider } from './providers.ts'

interface AdminParts {
  readonly pool: EnginePool
  readonly opened: readonly OpenedProvider[]
}

/** What the dashboard asks for. */
export function addAdminRoutes(app: FastifyInstance, { pool, opened }: AdminParts): void {
  app.get('/admin/engine', () => pool.report())
  app.get('/admin/providers', () => ({ data: opened.map(providerReport) }))
}
