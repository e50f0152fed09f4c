// Packs the project as it would be published, installs that into an empty folder, and asks it one real question.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled, nodeFirst, root } from './bootstrap.mjs'

const folder = mkdtempSync(join(tmpdir(), 'inferloom-package-'))
const windows = process.platform === 'win32'
const environment = { ...nodeFirst(ensureInstalled()), INFERLOOM_HOME: join(folder, 'home'), INFERLOOM_PORT: '1' }

function output(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: environment,
    encoding: 'utf8',
    shell: windows,
    input: '',
    timeout: 300_000,
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${status ?? error}\n${stdout}\n${stderr}`)
}

function expect(what, text, pattern) {
  if (!pattern.test(text)) throw new Error(`${what} says\n${text}\nwhich does not match ${pattern}`)
  process.stdout.write(`${what}: ${text.trim().split('\n')[0].slice(0, 120)}\n`)
}

try {
  const [packed] = JSON.parse(output('npm', ['pack', '--json', '--pack-destination', folder], root))
  process.stdout.write(`${packed.filename}: ${packed.files.length} files, ${(packed.size / 1e6).toFixed(1)} MB\n`)
  const leaked = packed.files.map(({ path }) => path).filter((path) => /\.test\.|^src\/|^test\//.test(path))
  if (leaked.length > 0) throw new Error(`the package holds what it should not: ${leaked.join(', ')}`)

  const app = join(folder, 'app')
  writeFileSync(join(folder, 'package.json'), '{}')
  output('npm', ['install', '--prefix', app, '--no-audit', '--no-fund', join(folder, packed.filename)], folder)
  const bin = join(app, 'node_modules', '.bin', 'inferloom')
  expect('inferloom --help', output(bin, ['--help'], folder), /Usage: inferloom/)
  const answer = output(bin, ['chat', '-m', 'loom-mini', 'What is inference?'], folder)
  expect('inferloom chat', answer, /trained model .*output/)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
