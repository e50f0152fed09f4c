// A real server with providers of the test's own making, and without the built-in model.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from './server-fixture.ts'

type Env = Record<string, string>

/** Ends with the test that starts it. */
export async function startWithProviders(
  providers: Record<string, unknown>,
  env: Env = {},
  settings: object = {},
): Promise<TestServer> {
  const server = await openWithProviders(providers, env, settings)
  onTestFinished(() => server.close())
  return server
}

/** The same for several tests, until it is closed. */
export async function openWithProviders(
  providers: Record<string, unknown>,
  env: Env = {},
  settings: object = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
  const file = join(folder, 'inferloom.yaml')
  writeFileSync(file, JSON.stringify({ providers, ...settings })) // every JSON is YAML
  const server = await startTestServer({ INFERLOOM_BUILTIN: 'false', ...env }, file)
  // It is read once, at the start.
  rmSync(folder, { recursive: true })
  return server
}

/** The rows of the ledger, latest first. */
export async function ledgerOf(server: TestServer): Promise<Record<string, unknown>[]> {
  return ((await (await server.get('/admin/requests')).json()) as { data: Record<string, unknown>[] }).data
}
