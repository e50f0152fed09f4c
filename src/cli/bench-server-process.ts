// A server for a benchmark that found none running, in a process of its own: in the generator's it would be measured
// while it waits for the generator. The first message is the configuration, the answer its address or why there is none.
import { asInferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { startServer } from '../server/start.ts'

export type ServerSays =
  | { readonly url: string }
  | { readonly code: ReturnType<typeof asInferloomError>['code']; readonly message: string }

process.once('message', (loaded: LoadedConfig) => void serve(loaded))
// Ctrl-C in a terminal reaches every process there; the benchmark decides when this one ends.
process.on('SIGINT', () => {})

async function serve(loaded: LoadedConfig): Promise<void> {
  const { config } = loaded
  const quiet = { host: '127.0.0.1', port: 0, shutdownGraceSeconds: 0.1 }
  try {
    const server = await startServer({
      ...loaded,
      config: { ...config, log: 'silent', server: { ...config.server, ...quiet } },
    })
    process.once('disconnect', () => void server.close().then(() => process.exit()))
    await server.ready()
    tell({ url: server.url })
  } catch (error) {
    const { code, message } = asInferloomError(error)
    tell({ code, message })
    process.disconnect()
  }
}

function tell(says: ServerSays): void {
  process.send?.(says)
}
