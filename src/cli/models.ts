import type { LoadedConfig } from '../config/load.ts'
import { localModels, storeOf, type LocalModel } from '../server/local-models.ts'
import { bytes, count, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface ServedModel {
  readonly id: string
  readonly context_length?: number
  readonly parameters?: number
  readonly size_bytes?: number
}

type ListedModel = Partial<LocalModel> & ServedModel & { state: string }

/** Lists the models that are here and those that the running server serves, and how they fit this machine. */
export async function models(loaded: LoadedConfig, json: boolean): Promise<void> {
  const client = ServerClient.of(loaded)
  const running = await client.isRunning()
  const store = storeOf(loaded)
  const local = localModels(loaded, store)
  const served = running ? (await client.json<{ data: ServedModel[] }>('/v1/models')).data : []
  const loadedNames = running ? await loadedModels(client) : new Map<string, string>()
  const here = new Map(local.map((model) => [model.id, model]))
  const list: ListedModel[] = [
    ...local.map((model) => ({ ...model, state: loadedNames.get(model.id) ?? (model.problem ? 'broken' : 'on disk') })),
    ...served
      .filter(({ id }) => !here.has(id))
      .map((model) => ({ ...model, state: loadedNames.get(model.id) ?? 'served' })),
  ]
  if (json) return void process.stdout.write(`${JSON.stringify(list, null, 2)}\n`)
  const rows = list.map((model) => [
    model.id,
    model.size_bytes === undefined ? '–' : bytes(model.size_bytes),
    model.quantisation ?? '–',
    model.parameters === undefined ? '–' : count(model.parameters),
    model.context_length === undefined ? '–' : model.context_length.toLocaleString('en'),
    fitText(model),
    model.state,
    model.where ?? 'server',
  ])
  process.stdout.write(
    table(['model', 'size', 'quantisation', 'parameters', 'context', 'memory', 'state', 'where'], rows),
  )
  process.stdout.write(running ? `\nserved at ${client.url}\n` : '\nno server is running; inferloom serve starts one\n')
  for (const { id, problem } of list) if (problem !== undefined) process.stderr.write(`${id}: ${problem}\n`)
  for (const complaint of store.complaints()) process.stderr.write(`${complaint}\n`)
}

/** What is in memory has found its place; free memory says nothing about it. */
function fitText({ fit, fit_context: largest, memory_bytes: memory, state }: ListedModel): string {
  if (memory === undefined || fit === undefined) return '–'
  if (state === 'ready') return `${bytes(memory)}, loaded`
  if (fit !== 'too-big') return `${bytes(memory)}, ${fit}`
  return largest === undefined ? `${bytes(memory)}, too big` : `fits up to ${largest.toLocaleString('en')} tokens`
}

async function loadedModels(client: ServerClient): Promise<Map<string, string>> {
  const { data } = await client.json<{ data: { model: string; state: string }[] }>('/admin/engine')
  return new Map(data.map(({ model, state }) => [model, state]))
}
