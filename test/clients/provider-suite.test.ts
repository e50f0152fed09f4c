// Providers that packages of the AI SDK stand for keep the contract that every other provider keeps.
import { afterAll, beforeAll } from 'vitest'
import { aiSdk } from '../../src/providers/ai-sdk.ts'
import { playProvider } from '../conformance/played-provider.ts'
import { providerSuite } from '../conformance/provider-suite.ts'
import { openUpstream } from '../upstream-fixture.ts'

interface Package {
  readonly name: string
  /** After the address of the upstream. */
  readonly path: string
  readonly model: string
  readonly options?: object
}

const packages: readonly Package[] = [
  {
    name: '@ai-sdk/openai-compatible',
    path: '/v1',
    model: 'm',
    options: { includeUsage: true, supportsStructuredOutputs: true },
  },
  { name: '@ai-sdk/openai', path: '/v1', model: 'gpt-4.1' },
  { name: '@ai-sdk/anthropic', path: '/v1', model: 'claude-sonnet-4-5' },
  { name: '@ai-sdk/cohere', path: '/v2', model: 'command-a-03-2025' },
]

let upstream: Awaited<ReturnType<typeof openUpstream>>
beforeAll(async () => {
  upstream = await openUpstream(playProvider)
})
afterAll(() => upstream.close())

for (const { name, path, model, options = {} } of packages) {
  providerSuite(`${name}, asked for ${model},`, () =>
    aiSdk.make({
      name: 'bridge',
      keys: ['k'],
      baseUrl: `${upstream.url}${path}`,
      models: [{ id: model, ownedBy: name, created: 0 }],
      extra: { package: name, from: import.meta.dirname, options },
    }),
  )
}
