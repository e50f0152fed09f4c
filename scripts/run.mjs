// `node scripts/run.mjs <file.ts> …`: runs one of the project's TypeScript files under the packaged Node 24.
import { join } from 'node:path'
import { ensureInstalled, handOver, root } from './bootstrap.mjs'

const [file, ...args] = process.argv.slice(2)
handOver(ensureInstalled(), ['--disable-warning=ExperimentalWarning', join(root, file ?? ''), ...args])
