// `npm start`: install and build when needed, then serve. Flags after `--` go to `inferloom serve`.
import { join } from 'node:path'
import { ensureInstalled, handOver, root } from './bootstrap.mjs'
import { ensureBuilt } from './build.mjs'

const node = ensureInstalled()
ensureBuilt(node)
// The first line of main.js names the same flags, and says why.
const heapFlags = ['--min-semi-space-size=16', '--max-semi-space-size=16', '--no-memory-reducer']
handOver(node, [...heapFlags, join(root, 'dist', 'cli', 'main.js'), 'serve', ...process.argv.slice(2)])
