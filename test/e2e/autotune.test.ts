// What is fastest is measured where the configuration leaves it open, kept, and used from the next load on.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tinyModel, writeRandomModel } from '../../benchmarks/random-model.ts'
import { run } from './command-fixture.ts'
import { startTestServer, temporaryFolder, until } from '../server-fixture.ts'

/** 128 MB of weights: large enough to be measured before its first answer. */
const large = {
  ...tinyModel,
  layers: 2,
  embedding: 1024,
  feedForward: 4096,
  heads: 16,
  headsKv: 16,
  type: 'F32',
} as const
const openThreads = { INFERLOOM_THREADS: '' }

interface Tuned {
  readonly model: string
  readonly tuning: Readonly<Record<string, unknown>>
  readonly trials: readonly { readonly part: string }[]
}

function tunedIn(home: string): Tuned[] {
  const file = join(home, 'tune.json')
  if (!existsSync(file)) return []
  return Object.values((JSON.parse(readFileSync(file, 'utf8')) as { entries: Record<string, Tuned> }).entries)
}

test(
  'a large model is measured at its first load, a small one once nothing is asked',
  { timeout: 30_000 },
  async () => {
    const folder = temporaryFolder()
    const home = join(folder, 'home')
    writeRandomModel(large, join(folder, 'large.gguf'))
    const file = join(folder, 'inferloom.yaml')
    writeFileSync(file, 'models:\n  large: { file: large.gguf, context: 512, preload: false }\n')
    const server = await startTestServer({ INFERLOOM_HOME: home, ...openThreads }, file)
    try {
      const ask = () => server.client.completions.create({ model: 'large', prompt: 'one two', max_tokens: 4 })
      await ask()
      // A busy machine leaves no time to try anything, or tells nothing by it; one of the two is there for each part.
      const [measured] = tunedIn(home)
      expect(measured).toMatchObject({ model: 'large' })
      const parts = ['threads', 'batchTokens', 'flashAttention']
      const known = new Set([
        ...Object.keys(measured?.tuning ?? {}),
        ...(measured?.trials ?? []).map(({ part }) => part),
      ])
      expect([...known].sort()).toEqual(parts.sort())
      await until('the built-in model is measured', () => tunedIn(home).some(({ model }) => model === 'loom-mini'))
      const small = tunedIn(home).find(({ model }) => model === 'loom-mini')
      expect(Object.keys(small?.tuning ?? {}).filter((part) => part !== 'threads')).toEqual([])
      await ask() // goes on as before
    } finally {
      await server.close()
    }
    const shown = await run(['doctor', '--json', '-c', file], { folder, env: openThreads })
    const { tuning } = JSON.parse(shown.stdout) as { tuning: { model: string; settings: Record<string, object> }[] }
    const [kept] = tunedIn(home).filter(({ model }) => model === 'large')
    const { settings } = tuning.find(({ model }) => model === 'large') ?? {}
    for (const [part, value] of Object.entries(kept?.tuning ?? {})) {
      expect(settings?.[part]).toMatchObject({ value, why: 'measured' })
    }
  },
)

test('what is set is not measured, and doctor says so', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'inferloom.yaml')
  writeFileSync(file, 'engine: { threads: 1, batchTokens: 256 }\n')
  const tuned = await run(['doctor', '--tune', 'loom-mini', '--json', '-c', file], { folder, env: openThreads })
  expect(tuned.stderr).toMatch(/^measuring loom-mini/m)
  const [{ settings, trials }] = JSON.parse(tuned.stdout)
  expect(settings).toMatchObject({ threads: { value: 1, why: 'set' }, batchTokens: { value: 256, why: 'set' } })
  expect(new Set(trials.map(({ part }: { part: string }) => part))).toEqual(new Set(['flashAttention']))
  const unknown = await run(['doctor', '--tune', 'nobody'], { folder, env: openThreads })
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toMatch(/no local model 'nobody'.*loom-mini.*\[model_not_found\]/)
})

test('what was measured is used, unless a setting says otherwise', async () => {
  const folder = temporaryFolder()
  const env = { INFERLOOM_HOME: join(folder, 'home') }
  await run(['doctor', '--tune', 'loom-mini'], { folder, env: openThreads })
  const path = join(folder, 'home', 'tune.json')
  const kept = JSON.parse(readFileSync(path, 'utf8')) as { entries: Record<string, { tuning: object }> }
  // More threads than there are cores are never chosen, so that these can only come from the file.
  for (const entry of Object.values(kept.entries)) entry.tuning = { threads: 37 }
  writeFileSync(path, JSON.stringify(kept))
  const threadsOf = async (more: Record<string, string>) => {
    const server = await startTestServer({ ...env, ...more })
    const { data } = (await (await server.get('/admin/engine')).json()) as { data: { threads: number }[] }
    await server.close()
    return data[0]?.threads
  }
  expect(await threadsOf(openThreads)).toBe(37)
  expect(await threadsOf({ INFERLOOM_THREADS: '1' })).toBe(1)
})
