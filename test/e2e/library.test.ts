// The examples of docs/library.md, run as they stand there against the sources.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createGateway } from '../../src/index.ts'
import { temporaryFolder } from '../server-fixture.ts'

const guide = readFileSync(new URL('../../docs/library.md', import.meta.url), 'utf8')
const examples = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code)
const index = fileURLToPath(new URL('../../src/index.ts', import.meta.url))

function run(code: string) {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'node_modules', 'inferloom'), { recursive: true })
  // Node strips no types within node_modules, and this file there has none.
  const shim = `export * from ${JSON.stringify(index)}`
  writeFileSync(join(folder, 'node_modules', 'inferloom', 'index.js'), shim)
  writeFileSync(
    join(folder, 'node_modules', 'inferloom', 'package.json'),
    JSON.stringify({ type: 'module', exports: './index.js' }),
  )
  writeFileSync(join(folder, 'example.mts'), code)
  const env = { ...process.env, INFERLOOM_HOME: join(folder, 'home') }
  return spawnSync(process.execPath, ['example.mts'], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 })
}

// A machine that is new to it is measured first, which takes its time where much else is going on.
const patience = { timeout: 70_000 }

test.each(examples.map((code, index) => [index + 1, code] as const))(
  'example %i answers, and ends',
  patience,
  (_, code) => {
    const { status, stdout, stderr } = run(code)
    expect({ status, stderr }).toMatchObject({ status: 0 })
    expect(stdout).toMatch(/^Inference is/)
  },
)

test('there are two examples, and an import alone loads and does nothing', () => {
  expect(examples).toHaveLength(2)
  const code = `
    import 'inferloom'
    const loaded = process.moduleLoadList.filter((name) => /sqlite|child_process/.test(name))
    console.log(JSON.stringify({ loaded, resources: process.getActiveResourcesInfo() }))`
  expect(JSON.parse(run(code).stdout)).toEqual({ loaded: [], resources: [] })
})

test('a setting that is wrong is named', async () => {
  const config = { server: { port: -1 } }
  await expect(createGateway({ config, home: temporaryFolder() })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/the configuration: server\.port/),
  })
})
