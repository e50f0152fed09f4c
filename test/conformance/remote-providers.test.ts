// Every wire on which providers are asked keeps the contract that the local engine keeps.
import { providerKinds } from '../../src/providers/registry.ts'
import { openUpstream } from '../upstream-fixture.ts'
import { playProvider } from './played-provider.ts'
import { providerSuite } from './provider-suite.ts'

interface Asked {
  readonly kind: string
  readonly model?: string
  readonly extra?: Readonly<Record<string, unknown>>
}

const asked: readonly Asked[] = [
  { kind: 'openai' },
  // It answers on the Responses API alone.
  { kind: 'openai', model: 'gpt-codex' },
  { kind: 'azure-openai' },
  { kind: 'anthropic', model: 'claude-sonnet-4-5' },
  { kind: 'google', model: 'gemini-3-pro' },
  { kind: 'vertex', model: 'gemini-3-pro' },
  { kind: 'amazon-bedrock', model: 'anthropic.claude-sonnet-4-5', extra: { region: 'us-east-1' } },
  // Models that embed or rank are asked in other words than those that talk.
  { kind: 'amazon-bedrock', model: 'amazon.titan-embed-text-v2:0', extra: { region: 'us-east-1' } },
  { kind: 'amazon-bedrock', model: 'cohere.rerank-v3-5:0', extra: { region: 'us-east-1' } },
  { kind: 'cohere', model: 'command-a' },
  { kind: 'mistral', model: 'mistral-small' },
  { kind: 'groq' },
  { kind: 'deepseek' },
  { kind: 'openai-compatible' },
]

for (const { kind, model = 'm', extra = {} } of asked) {
  providerSuite(`${kind}, asked for ${model},`, async () => {
    const upstream = await openUpstream(playProvider)
    const provider = providerKinds
      .find(({ name }) => name === kind)
      ?.make({
        name: kind,
        keys: ['k'],
        baseUrl: upstream.url,
        models: [{ id: model, ownedBy: kind, created: 0 }],
        extra,
      })
    if (!provider) throw new Error(`there is no ${kind}`)
    return {
      ...provider,
      close: async () => {
        await provider.close()
        upstream.close()
      },
    }
  })
}
