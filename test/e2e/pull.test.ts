// Models are pulled by the command line as a user runs it, from a hub that speaks real HTTP.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hubFrom } from '../../src/engine/store/hub.ts'
import { pull } from '../../src/engine/store/pull.ts'
import { openModelStore } from '../../src/engine/store/store.ts'
import { writeGguf } from '../gguf-fixture.ts'
import { sha256, startHub, type Hub, type HubOptions } from '../hub-fixture.ts'
import { temporaryFolder, until } from '../server-fixture.ts'
import { firstProof, run, start } from './command-fixture.ts'

const model = readFileSync(firstProof)
const repo = 'weavers/loom-GGUF'
const file = 'loom-Q8_0.gguf'
const oneModel = { repos: { [repo]: { 'README.md': Buffer.from('hello'), [file]: model } } }

async function withHub(options: HubOptions = oneModel) {
  const hub = await startHub(options)
  const folder = temporaryFolder()
  const env = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret_token' }
  const command = (...args: string[]) => run(args, { folder, env })
  const models = join(folder, 'home', 'models')
  return { hub, folder, env, command, models, place: join(models, repo, file) }
}

/** Everything below a folder, directories left out. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

test('a model is chosen, downloaded from the store that the hub names, listed and removed', async () => {
  const other = Buffer.from('not taken')
  const files = { 'loom-Q2_K.gguf': other, 'mmproj-Q8_0.gguf': other, [file]: model, 'loom-F32.gguf': other }
  const { hub, command, models, place } = await withHub({ repos: { [repo]: files } })
  const pulled = await command('pull', repo)
  expect(pulled).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^pulled: loom-Q8_0 \(4\.5M parameters, Q8_0, 4\.9 MB\)\n/),
  })
  expect(pulled.stderr).toMatch(/4\.9 MB of 4\.9 MB, 100 %/)
  expect(readFileSync(place).equals(model)).toBe(true)
  expect(filesBelow(models)).toEqual([file, `${file}.json`])
  // The token goes to the hub, on every page of the list, and to nobody else.
  expect(hub.atHub.length).toBeGreaterThan(3)
  expect(hub.atHub.every(({ authorization }) => authorization === 'Bearer hf_secret_token')).toBe(true)
  expect(hub.atCdn.map(({ authorization, status }) => [authorization, status])).toEqual([[undefined, 200]])

  const listed = JSON.parse((await command('models', '--json')).stdout) as object[]
  expect(listed[3]).toMatchObject({
    id: 'loom-Q8_0',
    where: 'pulled',
    source: `${repo}/${file}`,
    quantisation: 'Q8_0',
    parameters: 4_525_312,
    context_length: 1024,
    size_bytes: 4_868_224,
    fit: 'fits',
    state: 'on disk',
  })
  expect((await command('models')).stdout).toMatch(/^loom-Q8_0 +4\.9 MB +Q8_0 +4\.5M +1,024 +.*fits +on disk +pulled$/m)

  expect(await command('pull', `${repo}:q8_0`)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^already here: /),
  })
  expect(hub.atCdn).toHaveLength(1)
  expect(await command('rm', 'loom-Q8_0')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^deleted loom-Q8_0: 1 file, 4\.9 MB/),
  })
  expect(readdirSync(models)).toEqual([])
  expect(await command('rm', 'loom-Q8_0')).toMatchObject({ code: 1, stderr: expect.stringMatching(/model_not_found/) })
})

test('a download that is cut goes on where it stopped', async () => {
  const { hub, command, place } = await withHub()
  hub.cdn.cuts = { share: 0.5, times: 1 }
  const { code, stderr } = await command('pull', `${repo}/${file}`)
  expect(stderr).toMatch(/stopped after [\d,]+ bytes: .* Trying again in/)
  expect(code).toBe(0)
  const [first, second] = hub.atCdn
  expect(first?.range).toBeUndefined()
  expect(Number(/^bytes=(\d+)-$/.exec(second?.range ?? '')?.[1])).toBeGreaterThan(1_000_000)
  expect(second).toMatchObject({ status: 206, ifRange: expect.stringMatching(/^"[0-9a-f]{32}"$/) })
  expect(readFileSync(place).equals(model)).toBe(true)
})

/** The library's own function, where the pauses of the command line would only cost time. */
function pullInto(models: string, hub: Hub, reference: string, retries = 1) {
  return pull(reference, {
    hub: hubFrom({ HF_ENDPOINT: hub.endpoint }),
    store: openModelStore({ home: join(models, '..'), folders: [] }),
    reserved: ['loom-mini'],
    signal: AbortSignal.timeout(60_000),
    retry: { retries, pauseMs: 1, idleMs: 200 },
  })
}

test('a download that keeps being cut is given up, and a later pull goes on from there', async () => {
  const { hub, models, command, place } = await withHub()
  hub.cdn.cuts = { share: 0.1, times: 2 }
  await expect(pullInto(models, hub, repo)).rejects.toMatchObject({
    code: 'pull_failed',
    message: expect.stringMatching(/What came is kept/),
  })
  const kept = statSync(`${place}.part`).size
  expect(kept).toBeGreaterThan(100_000)
  expect(existsSync(place)).toBe(false)
  expect((await command('models')).stdout).not.toMatch(/loom-Q8_0/)
  expect(await command('pull', repo)).toMatchObject({ code: 0 })
  expect(hub.atCdn.at(-1)).toMatchObject({ status: 206, range: `bytes=${kept}-` })
  expect(readFileSync(place).equals(model)).toBe(true)
})

test('a server that sends nothing more is taken for gone', async () => {
  const { hub, models } = await withHub()
  hub.cdn.hold = new Promise(() => {})
  await expect(pullInto(models, hub, repo, 0)).rejects.toThrow(/nothing came for 0\.2 s/)
})

test('a store without ranges sends everything again', async () => {
  const { hub, command, place } = await withHub()
  hub.cdn.cuts = { share: 0.5, times: 1 }
  hub.cdn.ignoresRange = true
  expect(await command('pull', repo)).toMatchObject({ code: 0 })
  expect(hub.atCdn.map(({ status }) => status)).toEqual([200, 200])
  expect(hub.atCdn[1]?.range).toBeDefined()
  expect(readFileSync(place).equals(model)).toBe(true)
})

test('bytes that were damaged on the disk meanwhile are found by the checksum', async () => {
  const { hub, models, place } = await withHub()
  hub.cdn.cuts = { share: 0.5, times: 1 }
  await expect(pullInto(models, hub, repo, 0)).rejects.toThrow(/What came is kept/)
  const part = readFileSync(`${place}.part`)
  part[1000] = (part[1000] ?? 0) ^ 1
  writeFileSync(`${place}.part`, part)
  await expect(pullInto(models, hub, repo, 0)).rejects.toMatchObject({ code: 'pull_corrupt' })
  expect(filesBelow(models)).toEqual([])
})

test('a file with another checksum than the hub says is deleted', async () => {
  const { command, models } = await withHub({ ...oneModel, claimedSha256: 'a'.repeat(64) })
  const { code, stderr } = await command('pull', repo)
  expect(code).toBe(1)
  expect(stderr).toContain(`with the sha256 ${sha256(model)}, where 4868224 with ${'a'.repeat(64)} were promised`)
  expect(stderr).toMatch(/\[pull_corrupt\]$/m)
  expect(filesBelow(models)).toEqual([])
})

test('what is no model is deleted, whatever its checksum', async () => {
  const { command, models } = await withHub({ repos: { [repo]: { [file]: model.subarray(0, 100_000) } } })
  const { code, stderr } = await command('pull', repo)
  expect(code).toBe(1)
  expect(stderr).toMatch(/the file has 100,000 bytes, its header promises 4,868,224.*\[model_file_invalid\]/)
  expect(filesBelow(models)).toEqual([])
})

test('of two pulls at once, the second says who has the first and ends', async () => {
  const { hub, folder, env, command, place } = await withHub()
  const gate = Promise.withResolvers<void>()
  hub.cdn.hold = gate.promise
  const first = start(['pull', repo], { folder, env })
  const ended = new Promise((resolve) => first.once('close', resolve))
  await until('the first is downloading', () => existsSync(`${place}.part`))
  const second = await command('pull', repo)
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(`is being pulled by process ${first.pid}`)
  expect(second.stderr).toMatch(/\[pull_in_progress\]$/m)
  gate.resolve()
  expect(await ended).toBe(0)
  expect(readFileSync(place).equals(model)).toBe(true)
})

test.each(['SIGINT', 'SIGKILL'] as const)('after %s a pull goes on where it stopped', async (signal) => {
  const { hub, folder, env, command, models, place } = await withHub()
  hub.cdn.hold = new Promise(() => {})
  const first = start(['pull', repo], { folder, env })
  const ended = new Promise((resolve) => first.once('close', resolve))
  await until('half of it is here', () => (statSync(`${place}.part`, { throwIfNoEntry: false })?.size ?? 0) > 2_400_000)
  first.kill(signal)
  expect(await ended).toBe(signal === 'SIGINT' ? 130 : null)
  // A process that was killed leaves its lock, and the next one sees that nobody holds it.
  expect(filesBelow(models).includes(`${file}.lock`)).toBe(signal === 'SIGKILL')
  hub.cdn.hold = undefined
  expect(await command('pull', repo)).toMatchObject({ code: 0 })
  expect(hub.atCdn.at(-1)?.status).toBe(206)
  expect(filesBelow(models)).toEqual([file, `${file}.json`])
})

/** A disk of its own of so many bytes; undefined where this machine does not let us have one. */
function smallDisk(bytes: number): string | undefined {
  const folder = temporaryFolder()
  const mount = () => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || mount().status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return folder
}

test('a disk that is too small is found before anything is downloaded', async (context) => {
  const disk = smallDisk(2_000_000)
  if (disk === undefined) return context.skip('needs root on Linux')
  const { hub, folder, env } = await withHub()
  const { code, stderr } = await run(['pull', repo], { folder, env: { ...env, INFERLOOM_HOME: disk } })
  expect(code).toBe(1)
  expect(stderr).toMatch(/4\.9 MB are still to come and .* has [12]\.\d MB free.*\[disk_full\]/)
  expect(hub.atCdn).toEqual([])
})

test('a disk that becomes full ends a pull, and what came is gone on with', async (context) => {
  const disk = smallDisk(6_000_000)
  if (disk === undefined) return context.skip('needs root on Linux')
  const { hub, folder, env } = await withHub()
  const gate = Promise.withResolvers<void>()
  hub.cdn.hold = gate.promise
  const inDisk = { folder, env: { ...env, INFERLOOM_HOME: disk } }
  const pulling = run(['pull', repo], inDisk)
  const part = join(disk, 'models', repo, `${file}.part`)
  await until('half of it is here', () => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 2_400_000)
  const filler = join(disk, 'filler')
  writeFileSync(filler, Buffer.alloc(2_500_000))
  gate.resolve()
  const { code, stderr } = await pulling
  expect(code).toBe(1)
  expect(stderr).toMatch(/The disk became full.*what came so far is kept.*\[disk_full\]/)
  const kept = statSync(part).size
  writeFileSync(filler, '')
  hub.cdn.hold = undefined
  expect(await run(['pull', repo], inDisk)).toMatchObject({ code: 0 })
  expect(hub.atCdn.at(-1)?.range).toBe(`bytes=${kept}-`)
})

test('a quantisation that is not there is answered with those that are', async () => {
  const { command } = await withHub({
    repos: { [repo]: { 'a-Q4_K_M.gguf': model, 'a-UD-Q2_K_XL.gguf': model, 'b-Q4_K_M.gguf': model } },
  })
  expect((await command('pull', `${repo}:Q5_K_M`)).stderr).toMatch(
    /has no quantisation Q5_K_M\. It has: Q4_K_M, UD-Q2_K_XL\. \[model_not_found\]/,
  )
  expect((await command('pull', repo)).stderr).toContain(
    `several models in Q4_K_M. Remedy: name one: ${repo}/a-Q4_K_M.gguf, ${repo}/b-Q4_K_M.gguf. [model_not_found]`,
  )
  expect(await command('pull', `${repo}:Q2_K_XL`)).toMatchObject({ code: 0 })
})

test('a gated model says what is needed, and is pulled with the right token', async () => {
  const { hub, command, models } = await withHub({ ...oneModel, gated: { repo, token: 'hf_right' } })
  const refused = await command('pull', repo)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is gated\. Remedy: ask for access.*\[model_gated\]/),
  })
  expect(refused.stderr).not.toContain('hf_secret_token')
  expect(filesBelow(models).filter((name) => name.endsWith('.gguf'))).toEqual([])
  const folder = temporaryFolder()
  expect(await run(['pull', repo], { folder, env: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_right' } })).toMatchObject(
    { code: 0 },
  )
  expect((await command('pull', 'nobody/nothing')).stderr).toMatch(/does not exist, or is private.*\[model_gated\]/)
})

test.each(['../../x.gguf', '/etc/x.gguf', 'a\\..\\x.gguf', 'a/./x.gguf', 'C:x.gguf', 'a\nb.gguf'])(
  'the file name %j is refused',
  async (name) => {
    const { command, folder } = await withHub({ repos: { [repo]: { [name]: model } } })
    const before = filesBelow(folder)
    const { code, stderr } = await command('pull', repo)
    expect(code).toBe(1)
    expect(stderr).toMatch(/is refused: it may lead out of the model folder\. \[invalid_value\]/)
    expect(filesBelow(folder)).toEqual(before)
  },
)

test('what names no model, or is not encrypted, is refused', async () => {
  const { command } = await withHub()
  const refusals: [string, RegExp][] = [
    ['loom', /'loom' names no model\. Remedy: give owner\/repo,/],
    [`${repo}/../../x.gguf`, /may lead out of the model folder/],
    ['http://example.com/x.gguf', /http:\/\/example\.com is not encrypted\. Remedy: use https/],
    ['https://me:secret@example.com/x.gguf', /The URL holds a password/],
    ['https://example.com/%2e%2e%2fx.zip', /does not end in \.gguf/],
  ]
  for (const [reference, complaint] of refusals) {
    const { code, stderr } = await command('pull', reference)
    expect([code, stderr]).toEqual([1, expect.stringMatching(complaint)])
    expect(stderr).toMatch(/\[invalid_value\]$/m)
  }
})

test('a model may come from any address, under any name that is free', async () => {
  const { hub, command } = await withHub()
  const address = `${hub.cdnUrl}/${repo}/${file}`
  expect((await command('pull', address, '--name', 'loom-mini')).stderr).toMatch(
    /The name loom-mini is taken by the configuration/,
  )
  const { code, stdout } = await command('pull', address, '--name', 'team/loom:small')
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^pulled: team\/loom:small .*\nThe source gave no checksum/),
  ])
  expect(hub.atCdn[0]?.authorization).toBeUndefined()
  expect((await command('models')).stdout).toMatch(/^team\/loom:small /m)
})

test('a model in several files is pulled, listed and removed as one', async () => {
  const folder = temporaryFolder()
  const part = (no: number, properties: Record<string, string | number>) => {
    const path = join(folder, `${no}.gguf`)
    const tensors = [{ name: `w${no}`, shape: [256, 1000], type: 8, offset: 0 }]
    writeGguf(path, { properties: { ...properties, 'split.no': no, 'split.count': 2 }, tensors, dataBytes: 272_000 })
    return readFileSync(path)
  }
  const first = part(0, { 'general.architecture': 'llama', 'llama.block_count': 1, 'llama.context_length': 512 })
  const files = {
    'Q8_0/big-Q8_0-00001-of-00002.gguf': first,
    'Q8_0/big-Q8_0-00002-of-00002.gguf': part(1, {}),
    'half-Q4_K_M-00001-of-00002.gguf': first,
  }
  const { hub, command, models } = await withHub({ repos: { [repo]: files } })
  expect((await command('pull', `${repo}:Q4_K_M`)).stderr).toMatch(/has 1 of the 2 files of half-Q4_K_M/)
  hub.cdn.cuts = { share: 0.5, times: 1 }
  expect(await command('pull', `${repo}:Q8_0`)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^pulled: big-Q8_0 \(512K parameters/),
  })
  expect(filesBelow(models)).toEqual([
    'big-Q8_0-00001-of-00002.gguf',
    'big-Q8_0-00001-of-00002.gguf.json',
    'big-Q8_0-00002-of-00002.gguf',
  ])
  expect((await command('models')).stdout).toMatch(/^big-Q8_0 +544\.4 kB +Q8_0 +512K/m)
  expect((await command('rm', 'big-Q8_0')).stdout).toMatch(/^deleted big-Q8_0: 2 files/)
  expect(filesBelow(models)).toEqual([])
})

test('folders of the configuration are read and never written', async () => {
  const { folder, command } = await withHub()
  mkdirSync(join(folder, 'mine', 'deep'), { recursive: true })
  copyFileSync(firstProof, join(folder, 'mine', 'deep', 'loom two.gguf'))
  copyFileSync(firstProof, join(folder, 'mine', 'mmproj-loom.gguf'))
  writeFileSync(join(folder, 'mine', 'damaged.gguf'), model.subarray(0, 5000))
  writeFileSync(join(folder, 'mine', 'half-00001-of-00002.gguf'), model)
  writeFileSync(
    join(folder, 'inferloom.yaml'),
    'store: { folders: [mine, nowhere] }\nmodels: { named: { file: mine/deep/loom two.gguf } }\n',
  )
  const { stdout, stderr } = await command('models')
  expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(
    expect.arrayContaining(['loom-mini', 'named', 'loom-two', 'damaged']),
  )
  expect(stdout).not.toMatch(/mmproj|half/)
  expect(stderr).toMatch(/^damaged: .*is not a whole GGUF file/m)
  expect(stderr).toMatch(/half-00001-of-00002\.gguf: 1 of its 2 files are here/)
  expect(stderr).toMatch(/nowhere: ENOENT/)
  expect((await command('rm', 'loom-two')).stderr).toMatch(
    /which inferloom only reads\. Remedy: delete the file yourself/,
  )
  expect((await command('rm', 'named')).stderr).toMatch(/named is named in .*inferloom\.yaml/)
  expect((await command('rm', 'loom-mini')).stderr).toMatch(/loom-mini is part of inferloom/)
  expect(existsSync(join(folder, 'mine', 'deep', 'loom two.gguf'))).toBe(true)
})
