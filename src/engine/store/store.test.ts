import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/server-fixture.ts'
import { quantOf, splitOf } from './file-names.ts'
import { takeLock } from './lock.ts'
import { parseReference } from './reference.ts'
import { openModelStore } from './store.ts'

function put(path: string, bytes = 'model'): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return path
}

test('the first of one name has it, others are told apart by where they are', () => {
  const [home, mine] = [temporaryFolder(), temporaryFolder()]
  const first = put(join(home, 'models', 'a', 'same.gguf'))
  const second = put(join(mine, 'same.gguf'))
  const odd = put(join(mine, 'sp ce\n.gguf'))
  const models = openModelStore({ home, folders: [mine] }).list()
  expect(models.map(({ name, files: [file], owned }) => [name, file, owned])).toEqual([
    ['same', first, true],
    [second.replace(/\.gguf$/, ''), second, false],
    ['sp-ce-', odd, false],
  ])
})

test('a file is found once through links, and links to folders are not followed', () => {
  const [home, mine, elsewhere] = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
  const blob = put(join(elsewhere, 'blob'))
  symlinkSync(blob, join(mine, 'a.gguf'))
  symlinkSync(blob, join(mine, 'b.gguf'))
  symlinkSync(join(mine, 'nowhere'), join(mine, 'dangling.gguf'))
  symlinkSync(mine, join(mine, 'circle'))
  const models = openModelStore({ home, folders: [mine, mine] }).list()
  expect(models.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([['a', 5]])
})

test('a split model is one, in the order of its files, once all are here', () => {
  const home = temporaryFolder()
  const file = (no: number) => join(home, 'models', `big-0000${no}-of-00003.gguf`)
  put(file(3))
  put(file(1))
  const partly = openModelStore({ home, folders: [] })
  expect(partly.list()).toEqual([])
  expect(partly.complaints()).toEqual([`${file(1)}: 2 of its 3 files are here`])
  put(file(2))
  expect(openModelStore({ home, folders: [] }).find('big')).toMatchObject({
    files: [file(1), file(2), file(3)],
    sizeBytes: 15,
  })
})

test('what a pull that stopped has left is told of and can be removed, but not while it goes on', () => {
  const home = temporaryFolder()
  const part = put(join(home, 'models', 'o', 'r', 'x-Q8_0.gguf.part'))
  put(`${part}.json`, '{}')
  const store = openModelStore({ home, folders: [] })
  expect(store.list()).toEqual([])
  expect(store.complaints()).toEqual([`${part}: not whole yet; pull it again to go on, or inferloom rm x-Q8_0`])
  const lock = takeLock(part.replace(/part$/, 'lock'), 'x')
  expect(() => store.remove('x-Q8_0')).toThrow(expect.objectContaining({ code: 'pull_in_progress' }) as Error)
  lock.release()
  expect(store.remove('x-Q8_0')).toEqual({ files: [part], sizeBytes: 5 })
  expect(readdirSync(join(home, 'models'))).toEqual([])
})

test('a lock is held by one, and taken over only from a process that is gone', () => {
  const file = join(temporaryFolder(), 'x.lock')
  const lock = takeLock(file, 'x')
  expect(() => takeLock(file, 'x')).toThrow(`x is being pulled by process ${process.pid}. Remedy`)
  lock.release()
  expect(existsSync(file)).toBe(false)

  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const stale: [what: string, text: string][] = [
    ['a process that ended', JSON.stringify({ pid: gone, host: hostname(), started: '1' })],
    ['another process that has its number now', JSON.stringify({ pid: process.pid, host: hostname(), started: '1' })],
    ['nonsense', '{"pid":"rm -rf"'],
    ['every process', JSON.stringify({ pid: -1, host: hostname(), started: '' })],
  ]
  for (const [what, text] of stale) {
    // Only Linux says when a process started.
    if (what.startsWith('another') && !existsSync('/proc/self/stat')) continue
    writeFileSync(file, text)
    const taken = takeLock(file, 'x')
    expect([what, JSON.parse(readFileSync(file, 'utf8'))]).toMatchObject([what, { pid: process.pid }])
    taken.release()
  }
  expect(readdirSync(dirname(file))).toEqual([])
})

test('a holder on another machine is believed for a minute after its last sign', () => {
  const file = join(temporaryFolder(), 'x.lock')
  writeFileSync(file, JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }))
  expect(() => takeLock(file, 'x')).toThrow('by process 1 on elsewhere')
  utimesSync(file, new Date(), new Date(Date.now() - 61_000))
  takeLock(file, 'x').release()
})

test.each([
  ['Qwen3-0.6B-Q8_0.gguf', 'Q8_0'],
  ['Qwen3-UD-Q4_K_XL.gguf', 'UD-Q4_K_XL'],
  ['q2_k/model-00001-of-00002.gguf', 'Q2_K'],
  ['model.i1-iq3_xxs.gguf', 'IQ3_XXS'],
  ['Model-Q4_K_M-imat.gguf', 'Q4_K_M'],
  ['gpt-oss-20b-mxfp4.gguf', 'MXFP4'],
  ['model-f16.gguf', 'F16'],
  ['Q_model.gguf', undefined],
])('%s is quantised to %s', (path, quant) => {
  expect(quantOf(path)).toBe(quant)
})

test('the files of one model are told apart by their numbers', () => {
  expect(splitOf('a/b-00002-of-00010.gguf')).toEqual({ stem: 'a/b', index: 2, count: 10 })
  expect(splitOf('a/b-1-of-2.gguf')).toEqual({ stem: 'a/b-1-of-2', index: 1, count: 1 })
})

test('a model may be named as it is on every page of the hub', () => {
  const hub = new URL('https://huggingface.co')
  const read = (text: string) => parseReference(text, hub)
  expect(read('o/r')).toEqual({ kind: 'hub', repo: 'o/r' })
  expect(read('hf.co/o/r:Q4_K_M')).toEqual({ kind: 'hub', repo: 'o/r', quant: 'Q4_K_M' })
  expect(read('o/r/sub/x.gguf')).toEqual({ kind: 'hub', repo: 'o/r', path: 'sub/x.gguf' })
  expect(read('https://huggingface.co/o/r/blob/main/x%20y.gguf')).toEqual({
    kind: 'hub',
    repo: 'o/r',
    path: 'x y.gguf',
  })
  expect(read('https://example.com/a/x.gguf?key=1')).toMatchObject({ kind: 'url', file: 'x.gguf' })
  for (const text of ['', 'o', 'o/r/x.bin', 'o/r:Q4:Q5', '../r', 'o/..', 'o/r/../x.gguf', 'file:///x.gguf']) {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'invalid_value' }) as Error)
  }
})
