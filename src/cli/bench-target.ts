import { fork } from 'node:child_process'
import { once } from 'node:events'
import { addressOf } from '../bench/target.ts'
import type { Wire } from '../bench/wires/wire.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { ServerSays } from './bench-server-process.ts'
import { heapFlags } from './heap-flags.ts'
import { ownKey, ServerClient } from './server-client.ts'

export interface AskedFor {
  /** An address, names of models, or both, the address first; nothing is the first model of the server here. */
  readonly names: readonly string[]
  readonly model: string | undefined
  readonly wire: Wire
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly loaded: LoadedConfig
}

export interface Found {
  readonly url: string
  readonly models: readonly [string, ...string[]]
  readonly key: string | undefined
  readonly notes: readonly string[]
  readonly close: () => Promise<void>
}

const listMs = 10_000

/** Finds the server to measure: the one named, the one that runs here, or one of our own for as long as it takes. */
export async function findTarget({ names, model, wire, key, headers, loaded }: AskedFor): Promise<Found> {
  const [first] = names
  if (first !== undefined && /^https?:\/\//.test(first)) {
    const { origin, base } = addressOf(first)
    const url = origin + base
    const asked = [...names.slice(1), ...(model === undefined ? [] : [model])]
    const models =
      asked.length > 0 ? asked : [await firstModel(url, wire, { ...(key && wire.keyHeader(key)), ...headers })]
    return { url, models: atLeastOne(models, url), key, notes: [], close: async () => {} }
  }
  const { server, notes, close } = await serverHere(loaded)
  try {
    const known = (await server.json<{ data: { id: string }[] }>('/v1/models')).data.map(({ id }) => id)
    const asked = [...names, ...(model === undefined ? [] : [model])]
    const unknown = asked.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      const text = `There is no model or route '${unknown.slice(0, 100)}' at ${server.url}. Known: ${known.slice(0, 50).join(', ')}. Another server is named by its address: inferloom bench http://host:8000`
      throw new InferloomError('model_not_found', text)
    }
    const models = atLeastOne(asked.length > 0 ? asked : known.slice(0, 1), server.url)
    return { url: server.url, models, key: key ?? ownKey(loaded), notes, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface ServerHere {
  readonly server: ServerClient
  readonly notes: readonly string[]
  readonly close: () => Promise<void>
}

async function serverHere(loaded: LoadedConfig): Promise<ServerHere> {
  const running = ServerClient.of(loaded)
  if (await running.isRunning()) return { server: running, notes: [], close: async () => {} }
  const { url, close } = await ownServer(loaded)
  const note = 'No server was running: one was started for this run. It shares the processor with the generator.'
  return { server: new ServerClient(url, ownKey(loaded)), notes: [note], close }
}

async function ownServer(loaded: LoadedConfig): Promise<{ url: string; close: () => Promise<void> }> {
  const file = import.meta.url.endsWith('.ts') ? './bench-server-process.ts' : './bench-server-process.js'
  const child = fork(new URL(file, import.meta.url), [], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...heapFlags],
    serialization: 'advanced',
  })
  const exited = once(child, 'exit')
  child.send(loaded)
  const says = await Promise.race([
    once(child, 'message').then(([message]) => message as ServerSays),
    exited.then((): ServerSays => ({
      code: 'internal_error',
      message: 'The server for this run ended before it was ready.',
    })),
  ])
  if ('code' in says) throw new InferloomError(says.code, says.message)
  return {
    url: says.url,
    close: async () => {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

async function firstModel(url: string, wire: Wire, headers: Readonly<Record<string, string>>): Promise<string> {
  const remedy = 'Remedy: name one with --model.'
  const failure = (code: 'server_unreachable' | 'model_not_found', what: string, cause?: unknown) =>
    new InferloomError(code, `${what} ${remedy}`, { cause })
  let listed: unknown
  try {
    const response = await fetch(url + wire.modelsPath, {
      headers: { ...wire.headers, ...headers },
      signal: AbortSignal.timeout(listMs),
    })
    listed = response.ok ? await response.json() : {}
  } catch (cause) {
    if (cause instanceof SyntaxError) throw failure('model_not_found', `${url} does not list its models.`, cause)
    throw new InferloomError(
      'server_unreachable',
      `No server answers at ${url}. Remedy: start it, or check the address.`,
      { cause },
    )
  }
  const isObject = typeof listed === 'object' && listed !== null
  const [name] = isObject ? wire.modelNames(listed as Record<string, unknown>) : []
  if (name === undefined) throw failure('model_not_found', `${url} lists no models.`)
  return name
}

function atLeastOne(models: readonly string[], url: string): readonly [string, ...string[]] {
  const [first, ...rest] = models
  if (first === undefined) throw new InferloomError('model_not_found', `There are no models at ${url}.`)
  return [first, ...rest]
}
