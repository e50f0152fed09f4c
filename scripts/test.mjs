// `npm test`: install when needed, then every check in order. `npm test -- --quick` leaves out the packed install.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureClientsInstalled, ensureInstalled, nodeFirst, root } from './bootstrap.mjs'

const node = ensureInstalled()
ensureClientsInstalled()
const bin = (name) => join(root, 'node_modules', '.bin', name)
const steps = [
  ['node is 24 or later', node, ['-e', 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)']],
  ['format', bin('oxfmt'), ['--check', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings']],
  ['types', bin('tsc'), ['-p', '.']],
  ['unused code', bin('knip'), []],
  ['tests', bin('vitest'), ['run']],
  ['packed install', node, ['scripts/check-package.mjs']],
]
const skipped = process.argv.includes('--quick') ? ['packed install'] : []

let passed = 0
let failed = 0
for (const [name, command, args] of steps) {
  if (skipped.includes(name)) continue
  const began = performance.now()
  process.stdout.write(`\n── ${name}\n`)
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: nodeFirst(node),
    shell: process.platform === 'win32',
  })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`── ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`)
  if (status === 0) passed++
  else failed++
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
