// `npm start`: install when needed, then serve. Flags after `--` go to `inferloom serve`.
import { join } from 'node:path'
import { ensureInstalled, handOver, root } from './bootstrap.mjs'

const node = ensureInstalled()
handOver(node, ['--disable-warning=ExperimentalWarning', join(root, 'src', 'cli', 'main.ts'), 'serve', ...process.argv.slice(2)])
