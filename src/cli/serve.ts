import type { LoadedConfig } from '../config/load.ts'
import { giveBackMemory } from '../give-back-memory.ts'
import { startServer, type RunningServer } from '../server/start.ts'
import { version } from '../version.ts'
import { count } from './format.ts'

/** Starts the server, says where it is and how to try it, and stays until it is told to stop. */
export async function serve(loaded: LoadedConfig, read: () => Promise<LoadedConfig>): Promise<void> {
  const began = performance.now()
  const server = await startServer(loaded, read)
  const slow = setTimeout(() => process.stderr.write('loading models …\n'), 2000)
  let stopping: number | undefined
  const stop = () => {
    // One Ctrl-C may come several times: from the terminal, and from npm and its script, which pass it on.
    if (stopping !== undefined) return performance.now() - stopping > 500 ? process.exit(1) : undefined
    stopping = performance.now()
    process.stderr.write('\nfinishing running answers; press Ctrl-C again to stop at once …\n')
    void server.close().then(() => process.exit(0))
  }
  process.on('SIGHUP', () => {
    server.reload().then(
      ({ applied, afterRestart }) => {
        const later = afterRestart.length === 0 ? '' : `; after a restart: ${afterRestart.join(', ')}`
        process.stderr.write(`settings read again: ${applied.join(', ') || 'nothing has changed'}${later}\n`)
      },
      (error: unknown) =>
        process.stderr.write(`settings not read again: ${error instanceof Error ? error.message : String(error)}\n`),
    )
  })
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    const models = await server.ready()
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const width = Math.max(...models.map(({ id }) => id.length), 0)
    const rows = models.map(({ id, parameters, contextTokens }) => {
      const size = parameters === undefined ? '' : `${count(parameters)} parameters, `
      const context = contextTokens === undefined ? '' : `context of ${contextTokens.toLocaleString('en')} tokens`
      return `  ${id.padEnd(width)}  ${size}${context}`
    })
    const key = server.needsKey ? ` -H 'authorization: Bearer <key>'` : ''
    const json = `-H 'content-type: application/json'`
    const [first] = models
    const body = JSON.stringify({ model: first?.id, messages: [{ role: 'user', content: 'What is inference?' }] })
    process.stdout.write(
      `inferloom ${version} listens on ${server.url} (started in ${seconds} s)\n\n` +
        `models\n${rows.join('\n') || '  none: name some under "models:" in inferloom.yaml'}\n\n` +
        (first ? `try it\n  curl ${server.url}/v1/chat/completions${key} ${json} -d '${body}'\n\n` : '') +
        adminKeyText(server) +
        `data in ${loaded.home}; settings from ${loaded.file ?? 'defaults'}; Ctrl-C stops\n`,
    )
    // A little later, so that the first request that follows the banner does not meet it.
    setTimeout(giveBackMemory, 1000).unref()
  } catch (error) {
    if (stopping !== undefined) return
    await server.close()
    throw error
  } finally {
    clearTimeout(slow)
  }
}

/** Once, when it is new. There is no page yet that it would open. */
function adminKeyText({ adminKey: { key, file, isNew }, url }: RunningServer): string {
  if (!isNew) return ''
  return (
    `admin key, shown this once and kept in ${file}\n  ${key}\n` +
    `  inferloom keys, usage, requests … take it from there; elsewhere:\n` +
    `  curl ${url}/admin/keys -H 'authorization: Bearer ${key}'\n\n`
  )
}
