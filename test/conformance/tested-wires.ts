// The dialects and the wires there are, each wire as one provider is asked on it.
import { anthropicMessages } from '../../src/dialects/anthropic-messages/parse.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import { gemini } from '../../src/dialects/gemini/parse.ts'
import { openaiChat } from '../../src/dialects/openai-chat/parse.ts'
import { openaiCompletions } from '../../src/dialects/openai-completions/parse.ts'
import { openaiResponses } from '../../src/dialects/openai-responses/parse.ts'
import { anthropicMessages as anthropicWire } from '../../src/providers/wire/anthropic-messages.ts'
import { bedrockConverse } from '../../src/providers/wire/bedrock-converse.ts'
import { cohereChat } from '../../src/providers/wire/cohere-chat.ts'
import { gemini as geminiWire } from '../../src/providers/wire/gemini.ts'
import { mistralChatWire } from '../../src/providers/wire/mistral-chat.ts'
import { openaiChatWire } from '../../src/providers/wire/openai-chat.ts'
import { openaiResponsesWire } from '../../src/providers/wire/openai-responses.ts'
import type { GenerateWire } from '../../src/providers/wire/wire.ts'
import type { DialectName } from './dialect-asks.ts'

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  'openai-chat': openaiChat,
  'openai-completions': openaiCompletions,
  'openai-responses': openaiResponses(),
  'anthropic-messages': anthropicMessages,
  gemini,
}

export const wires: Readonly<Record<string, { readonly wire: GenerateWire; readonly model: string }>> = {
  'openai-chat': {
    model: 'gpt-5',
    // As OpenAI itself is asked.
    wire: openaiChatWire({
      maxTokens: 'max_completion_tokens',
      systemRole: 'developer',
      tells: ['safety_identifier', 'prompt_cache_key', 'service_tier'],
    }),
  },
  'openai-responses': { model: 'gpt-5', wire: openaiResponsesWire },
  'anthropic-messages': { model: 'claude-sonnet-4-5', wire: anthropicWire },
  gemini: { model: 'gemini-3-pro', wire: geminiWire },
  'bedrock-converse': { model: 'anthropic.claude-sonnet-4-5', wire: bedrockConverse },
  'cohere-chat': { model: 'command-a', wire: cohereChat },
  'mistral-chat': { model: 'mistral-large', wire: mistralChatWire() },
}
