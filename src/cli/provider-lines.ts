import type { LoadedConfig } from '../config/load.ts'
import { providerReport, type ProviderReport } from '../server/provider-reports.ts'
import { openProviders } from '../server/providers.ts'
import type { ServerClient } from './server-client.ts'

/** Time that providers have to list their models where no server has asked them. */
const patienceMs = 5000

/** Of a running server; else they are asked here for their lists. */
export async function providerReports(
  loaded: LoadedConfig,
  running: ServerClient | undefined,
): Promise<ProviderReport[]> {
  if (running) return (await running.json<{ data: ProviderReport[] }>('/admin/providers')).data
  const { opened } = await openProviders(loaded)
  const reports = () => opened.map(providerReport)
  const deadline = performance.now() + patienceMs
  const isWaiting = () =>
    reports().some(({ host, list_read_at: at, failure }) => host !== null && at === null && !failure)
  while (isWaiting() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
  const all = reports()
  await Promise.all(opened.map(({ provider }) => provider.close()))
  return all
}

export function providerLine({ name, kind, host, keys, models, list_read_at: at, failure }: ProviderReport): string {
  const what = [
    ...(kind === name ? [] : [kind]),
    ...(host === null ? [] : [host]),
    keys === 1 ? '1 key' : `${keys || 'no'} keys`,
    models === 1 ? '1 model' : `${models} models`,
    ...(at === null ? [] : [`listed at ${new Date(at).toLocaleTimeString('en-GB')}`]),
  ]
  return `${name} (${what.join(', ')})${failure ? `: ${failure.message} [${failure.code}]` : ''}`
}
