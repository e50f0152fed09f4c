// Real replies of real providers, where they lie beside the repository; tests that want them are skipped elsewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../shared/recordings', import.meta.url))

export interface Recording {
  readonly name: string
  /** The payloads of a stream's events, in order. */
  readonly chunks: readonly string[]
}

/** The recorded streams of one provider; none where there are no recordings. */
export function recordedStreams(provider: string): readonly Recording[] {
  return namesIn(provider, '.chunks.txt').map((name) => ({
    name,
    chunks: read(provider, name)
      .split('\n')
      .filter((line) => line !== ''),
  }))
}

/** The recorded whole replies of one provider. */
export function recordedReplies(provider: string): readonly { readonly name: string; readonly body: unknown }[] {
  return namesIn(provider, '.json').map((name) => ({ name, body: JSON.parse(read(provider, name)) as unknown }))
}

function namesIn(provider: string, ending: string): string[] {
  const at = join(folder, provider)
  return existsSync(at) ? readdirSync(at).filter((name) => name.endsWith(ending)) : []
}

function read(provider: string, name: string): string {
  return readFileSync(join(folder, provider, name), 'utf8')
}
