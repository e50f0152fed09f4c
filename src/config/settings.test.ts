import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configJsonSchema } from './schema.ts'
import { settings } from './settings.ts'

test('no two settings share a flag or a variable, and each that has one says what it is', () => {
  const found = settings()
  for (const names of [found.flatMap(({ env }) => env ?? []), found.flatMap(({ flag }) => flag ?? [])]) {
    expect(names.length).toBeGreaterThan(3)
    expect(new Set(names).size).toBe(names.length)
  }
  for (const { path, env, flag, description } of found) {
    if (env ?? flag) expect(description, path.join('.')).not.toBe('')
  }
})

test('a flag is the last word of its setting, as messages about it say', () => {
  for (const { path, flag } of settings()) if (flag !== undefined) expect(flag).toMatch(`--${path.at(-1)} `)
})

test('config.schema.json is the schema', () => {
  const file = readFileSync(new URL('../../config.schema.json', import.meta.url), 'utf8')
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(configJsonSchema())))
})
