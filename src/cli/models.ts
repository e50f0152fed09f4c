import type { LoadedConfig } from '../config/load.ts'
import { configuredModels } from '../server/configured-models.ts'
import { bytes, count, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface ListedModel {
  id: string
  context_length?: number
  parameters?: number
  size_bytes?: number
}

/** Lists what the running server serves, or what one would be asked to serve. */
export async function models(loaded: LoadedConfig, json: boolean): Promise<void> {
  const client = ServerClient.of(loaded)
  const running = await client.isRunning()
  const list: ListedModel[] = running
    ? (await client.json<{ data: ListedModel[] }>('/v1/models')).data
    : configuredModels(loaded.config)
  if (json) return void process.stdout.write(`${JSON.stringify(list, null, 2)}\n`)
  const rows = list.map(({ id, context_length: context, parameters, size_bytes: size }) => [
    id,
    parameters === undefined ? '–' : count(parameters),
    context === undefined ? '–' : context.toLocaleString('en'),
    size === undefined ? '–' : bytes(size),
  ])
  process.stdout.write(table(['model', 'parameters', 'context', 'size'], rows))
  process.stdout.write(running ? `\nserved at ${client.url}\n` : '\nno server is running; these would be served\n')
}
