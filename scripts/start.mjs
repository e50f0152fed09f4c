// `npm start`: install and build when needed, then serve. Flags after `--` go to `inferloom serve`.
import { join } from 'node:path'
import { ensureInstalled, handOver, root } from './bootstrap.mjs'
import { ensureBuilt } from './build.mjs'

const node = ensureInstalled()
ensureBuilt(node)
// The first line of main.js names the same flag, and says why.
handOver(node, ['--min-semi-space-size=4', join(root, 'dist', 'cli', 'main.js'), 'serve', ...process.argv.slice(2)])
