import type { LoadedConfig } from '../config/load.ts'
import { configuredModels } from '../server/configured-models.ts'
import { hubFrom, pull, storeOf } from '../server/local-models.ts'
import { bytes, count } from './format.ts'
import { ProgressLine } from './progress-line.ts'

/** Downloads a model, showing how far it is; Ctrl-C keeps what came. */
export async function pullModel(loaded: LoadedConfig, reference: string, name: string | undefined): Promise<void> {
  const controller = new AbortController()
  const stop = () => controller.abort(new DOMException('stopped', 'AbortError'))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const line = new ProgressLine(process.stderr)
  try {
    const pulled = await pull(reference, {
      hub: hubFrom(process.env),
      store: storeOf(loaded),
      name,
      reserved: configuredModels(loaded).map(({ id }) => id),
      signal: controller.signal,
      onChosen: ({ files, bytes: size }) =>
        line.say(`pulling ${files.join(', ')}${size === undefined ? '' : ` (${bytes(size)})`}`),
      onProgress: ({ received, total }) => line.show(received, total),
      onRetry: (reason, pauseMs) => line.say(`${reason} Trying again in ${(pauseMs / 1000).toFixed(1)} s.`),
    })
    line.end()
    const { gguf, isVerified, wasHere } = pulled
    const what = `${count(gguf.parameters)} parameters, ${gguf.quantisation}, ${bytes(gguf.sizeBytes)}`
    process.stdout.write(`${wasHere ? 'already here' : 'pulled'}: ${pulled.name} (${what})\n`)
    if (!isVerified) {
      process.stdout.write('The source gave no checksum: only the size and the header could be checked.\n')
    }
    process.stdout.write(`try it: inferloom chat -m ${pulled.name} "question"\n`)
  } catch (error) {
    line.end()
    if (!controller.signal.aborted) throw error
    process.stderr.write('stopped; what came is kept. The same command goes on from there.\n')
    process.exitCode = 130
  } finally {
    process.removeListener('SIGINT', stop)
    process.removeListener('SIGTERM', stop)
  }
}
