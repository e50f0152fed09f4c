import { expect, test } from 'vitest'
import type { Provider } from '../providers/provider.ts'
import { Models } from './models.ts'

function provider(name: string, ids: () => readonly string[], acceptsUnlisted = false): Provider {
  return {
    name,
    acceptsUnlisted,
    models: () => ids().map((id) => ({ id, ownedBy: name, created: 0 })),
    ready: async () => {},
    // oxlint-disable-next-line require-yield
    async *generate() {
      throw new Error('not asked for')
    },
    close: async () => {},
  }
}

function found(models: Models, name: string): string {
  const { provider, model } = models.find(name)
  return `${provider.name}: ${model}`
}

let local = ['mine', 'shared', 'openai/mine']
const models = new Models({
  local: [provider('local', () => local)],
  remote: [
    provider('openai', () => ['gpt', 'shared', 'both'], true),
    provider('router', () => ['openai/gpt', 'openai/new', 'meta/llama', 'both'], true),
    provider('fixed', () => ['only', 'both']),
  ],
})

test.each([
  ['mine', 'local: mine'],
  ['shared', 'local: shared'],
  ['openai/shared', 'openai: shared'],
  ['openai/mine', 'local: openai/mine'],
  ['gpt', 'openai: gpt'],
  ['openai/gpt', 'openai: gpt'],
  // What begins with a provider's name is that provider's.
  ['openai/new', 'openai: new'],
  ['router/openai/new', 'router: openai/new'],
  ['meta/llama', 'router: meta/llama'],
  ['openai/never-listed', 'openai: never-listed'],
  ['openai//', 'openai: /'],
  ['only', 'fixed: only'],
  ['fixed/only', 'fixed: only'],
])('%s is %s', (name, expected) => {
  expect(found(models, name)).toBe(expected)
})

test('a short name that several serve is refused with the long ones', () => {
  expect(() => models.find('both')).toThrow(/openai\/both, router\/both, fixed\/both/)
  expect(models.peek('both')).toBeUndefined()
})

test.each(['nothing', 'openai/', '/gpt', 'fixed/other', '', '__proto__', 'constructor', '/'])(
  "'%s' is not found",
  (name) => {
    expect(() => models.find(name)).toThrow(
      expect.objectContaining({ code: 'model_not_found', param: 'model' }) as Error,
    )
  },
)

test('a message about a provider’s model lists that provider’s, and never more than twenty', () => {
  expect(() => models.find('fixed/other')).toThrow(/Known: fixed\/only, fixed\/both\.$/)
  const many = new Models({ local: [], remote: [provider('p', () => Array.from({ length: 50 }, (_, at) => `m${at}`))] })
  expect(() => many.find('x')).toThrow(/p\/m19 and 30 more\.$/)
})

test('a model that comes is found at once', () => {
  expect(() => models.find('pulled')).toThrow()
  local = [...local, 'pulled']
  expect(found(models, 'pulled')).toBe('local: pulled')
})
