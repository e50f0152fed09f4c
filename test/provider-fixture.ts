// A real server with providers of the test's own making, and without the built-in model.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { startTestServer, temporaryFolder, type TestServer } from './server-fixture.ts'

type Env = Record<string, string>

/** Ends with the test that starts it. */
export async function startWithProviders(providers: Record<string, unknown>, env: Env = {}): Promise<TestServer> {
  const file = join(temporaryFolder(), 'inferloom.yaml')
  writeFileSync(file, JSON.stringify({ providers })) // every JSON is YAML
  const server = await startTestServer({ INFERLOOM_BUILTIN: 'false', ...env }, file)
  onTestFinished(() => server.close())
  return server
}

/** The rows of the ledger, latest first. */
export async function ledgerOf(server: TestServer): Promise<Record<string, unknown>[]> {
  return ((await (await server.get('/admin/requests')).json()) as { data: Record<string, unknown>[] }).data
}
