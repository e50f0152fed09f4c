// Makes sure that what package-lock.json names is installed and that Node 24 is at hand, then hands over.
// Plain JavaScript on purpose: it must run on the user's own Node, which may be 20.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'
const packagedNode = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')

/** Installs from the lockfile when it changed since the last install. Returns the path of a Node of version 24 or later. */
export function ensureInstalled() {
  install(root, 'once, about half a minute', [], ensureNode)
  return node24()
}

/** The clients that the tests run, of which inferloom itself needs none. Nothing of theirs runs while they are installed. */
export function ensureClientsInstalled() {
  install(join(root, 'test', 'clients'), 'for its tests, once, about a minute', ['--ignore-scripts'])
}

function install(folder, howOften, flags, then = () => {}) {
  const stamp = join(folder, 'node_modules', '.inferloom-lock')
  const lockfile = join(folder, 'package-lock.json')
  const lock = createHash('sha256')
    .update(readFileSync(lockfile))
    .update(process.platform + process.arch)
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const name = relative(root, lockfile).replaceAll('\\', '/')
  process.stderr.write(`inferloom: installing what ${name} names (${howOften}) …\n`)
  const { status } = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error', ...flags], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: windows,
  })
  if (status !== 0)
    fail('npm ci failed; its messages are above. Remedy: check the network, then run the command again.')
  then()
  writeFileSync(stamp, lock)
}

// The npm package `node` fetches its binary in an install script, and a user may have switched those off.
function ensureNode() {
  if (existsSync(packagedNode) || major(process.versions.node) >= 24) return
  const script = join(root, 'node_modules', 'node', 'installArchSpecificPackage.js')
  spawnSync(process.execPath, [script], { cwd: dirname(script), stdio: ['ignore', 2, 2] })
}

function node24() {
  if (existsSync(packagedNode)) return packagedNode
  if (major(process.versions.node) >= 24) return process.execPath
  return fail(
    `inferloom needs Node 24 or later; this is ${process.version} and the npm package "node" brought none for ${process.platform}-${process.arch}. Remedy: install Node 24.`,
  )
}

/** Runs one program to its end with this terminal, forwarding signals, and exits as it exited. */
export function handOver(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: nodeFirst(command) })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  // npm that is ended by a signal ends its shell too, but not what runs in it: whoever ended npm means the program.
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] === undefined || process.ppid === parent) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 250)
  child.on('error', (error) => fail(error.message))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}

/** The environment in which `node` is this Node, for the tools that look for it on the PATH. */
export function nodeFirst(node) {
  return { ...process.env, PATH: dirname(node) + (windows ? ';' : ':') + process.env['PATH'] }
}

function major(version) {
  return Number(version.split('.')[0])
}

function fail(message) {
  process.stderr.write(`inferloom: ${message}\n`)
  process.exit(1)
}
