import { aiSdk } from './ai-sdk.ts'
import { amazonBedrock } from './amazon-bedrock.ts'
import { anthropic } from './anthropic.ts'
import { azureOpenai } from './azure-openai.ts'
import { cohere } from './cohere.ts'
import { google } from './google.ts'
import { mistral } from './mistral.ts'
import { openaiCompatible } from './openai-compatible.ts'
import { openai } from './openai.ts'
import type { ProviderKind } from './provider-kind.ts'
import { vertex } from './vertex.ts'

export type { ProviderKind, ProviderSettings } from './provider-kind.ts'

/** Every kind of provider that can be configured, one a line. */
export const providerKinds: readonly ProviderKind[] = [
  openai,
  anthropic,
  azureOpenai,
  amazonBedrock,
  cohere,
  mistral,
  google,
  vertex,
  aiSdk,
  ...openaiCompatible,
]
