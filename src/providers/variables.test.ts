import { expect, test } from 'vitest'
import { providerKinds } from './registry.ts'
import { providerVariables } from './variables.ts'

test('every variable that makes a provider appear is among those that are looked for', () => {
  const used = providerKinds
    .filter(({ onlyWhenNamed }) => onlyWhenNamed !== true)
    .flatMap(({ env, baseUrlEnv }) => (env.length > 0 ? env : baseUrlEnv === undefined ? [] : [baseUrlEnv]))
  expect([...providerVariables]).toEqual([...new Set(used)].toSorted())
})
