// Compiles src/ to dist/, and refreshes the JSON Schema of the configuration file.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, nodeFirst, root } from './bootstrap.mjs'

const stamp = join(root, 'dist', '.built')

/** Compiles when a source is newer than the last build; about a second. */
export function ensureBuilt(node) {
  if (existsSync(stamp) && newestSource() <= statSync(stamp).mtimeMs) return
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const steps = [['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], ['scripts/write-config-schema.ts']]
  for (const args of steps) {
    const { status } = spawnSync(node, args, { cwd: root, stdio: ['ignore', 2, 2], env: nodeFirst(node) })
    if (status !== 0) process.exit(status ?? 1)
  }
  chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755)
  writeFileSync(stamp, '')
}

function newestSource() {
  const files = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join(root, 'src', name))
  return Math.max(...[...files, join(root, 'tsconfig.build.json')].map((file) => statSync(file).mtimeMs))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureBuilt(ensureInstalled())
