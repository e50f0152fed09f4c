// Compiles src/ to dist/ for publishing, and refreshes the JSON Schema of the configuration file.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, nodeFirst, root } from './bootstrap.mjs'

const node = ensureInstalled()
rmSync(join(root, 'dist'), { recursive: true, force: true })
const steps = [
  [node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']],
  [node, ['scripts/write-config-schema.ts']],
]
for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: nodeFirst(node) })
  if (status !== 0) process.exit(status ?? 1)
}
chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755)
