// How each dialect is asked for an answer, and how what its client gets is read.
import { anthropicMessages } from './reading/anthropic-messages.ts'
import { gemini } from './reading/gemini.ts'
import { openaiChat } from './reading/openai-chat.ts'
import { openaiCompletions } from './reading/openai-completions.ts'
import { openaiResponses } from './reading/openai-responses.ts'
import { payloadsOf, type Said } from './reading/said.ts'

interface Wanted {
  /** `provider/model` */
  readonly model: string
  readonly stream: boolean
  /** Names of tools that are offered. */
  readonly tools: readonly string[]
  readonly logprobs: boolean
  /** Whether thoughts are asked for, on dialects that show them only then. */
  readonly thoughts: boolean
  /** Asks in a way that cannot be passed on as it stands, so that it is translated although the provider speaks the same. */
  readonly translated: boolean
  /** An answer that inferloom keeps, to refer to where that is such a way. */
  readonly keptId: string
}

export interface DialectAsk {
  readonly name: string
  /** Whether a request can be such that it is translated although the provider speaks this wire. */
  readonly canBeTranslated: boolean
  request(wanted: Wanted): { readonly path: string; readonly body: object }
  read(text: string, stream: boolean): Said
}

const parameters = { type: 'object', properties: {} }
const prompt = 'How is it?'

function filled(name: string, list: readonly unknown[]): object {
  return list.length > 0 ? { [name]: list } : {}
}

export const dialectAsks = {
  'openai-chat': {
    name: 'openai-chat',
    canBeTranslated: false,
    request: ({ model, stream, tools, logprobs }) => ({
      path: '/v1/chat/completions',
      body: {
        model,
        messages: [{ role: 'user', content: prompt }],
        ...filled(
          'tools',
          tools.map((name) => ({ type: 'function', function: { name, parameters } })),
        ),
        ...(logprobs && { logprobs: true }),
        ...(stream && { stream, stream_options: { include_usage: true } }),
      },
    }),
    read: (text, stream) => (stream ? openaiChat.stream(payloadsOf(text)) : openaiChat.whole(JSON.parse(text))),
  },
  'openai-completions': {
    name: 'openai-completions',
    canBeTranslated: false,
    request: ({ model, stream, logprobs }) => ({
      path: '/v1/completions',
      body: {
        model,
        prompt,
        ...(logprobs && { logprobs: 0 }),
        ...(stream && { stream, stream_options: { include_usage: true } }),
      },
    }),
    read: (text, stream) =>
      stream ? openaiCompletions.stream(payloadsOf(text)) : openaiCompletions.whole(JSON.parse(text)),
  },
  'openai-responses': {
    name: 'openai-responses',
    canBeTranslated: true,
    request: ({ model, stream, tools, logprobs, thoughts, translated, keptId }) => ({
      path: '/v1/responses',
      body: {
        model,
        input: prompt,
        store: false,
        ...(translated && { previous_response_id: keptId }),
        ...filled(
          'tools',
          tools.map((name) => ({ type: 'function', name, parameters, strict: false })),
        ),
        ...(logprobs && { include: ['message.output_text.logprobs'] }),
        ...(thoughts && { reasoning: { summary: 'auto' } }),
        stream,
      },
    }),
    read: (text, stream) =>
      stream ? openaiResponses.stream(payloadsOf(text)) : openaiResponses.whole(JSON.parse(text)),
  },
  'anthropic-messages': {
    name: 'anthropic-messages',
    canBeTranslated: true,
    request: ({ model, stream, tools, translated }) => ({
      path: '/v1/messages',
      body: {
        model,
        max_tokens: 1000,
        messages: [
          { role: 'user', content: prompt },
          // Nobody sealed these thoughts.
          ...(translated
            ? [
                { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature: '' }, said('Well.')] },
                { role: 'user', content: prompt },
              ]
            : []),
        ],
        ...filled(
          'tools',
          tools.map((name) => ({ name, input_schema: parameters })),
        ),
        stream,
      },
    }),
    read: (text, stream) =>
      stream ? anthropicMessages.stream(payloadsOf(text)) : anthropicMessages.whole(JSON.parse(text)),
  },
  gemini: {
    name: 'gemini',
    canBeTranslated: true,
    request: ({ model, stream, tools, logprobs, thoughts, translated }) => {
      // A stream that is one list is translated; a whole answer is where the body names its model again.
      const method = stream ? `streamGenerateContent${translated ? '' : '?alt=sse'}` : 'generateContent'
      return {
        path: `/v1beta/models/${model}:${method}`,
        body: {
          ...(translated && !stream && { model }),
          contents: [{ role: 'user', parts: [{ text: prompt }] }],
          ...(tools.length > 0 && {
            tools: [{ functionDeclarations: tools.map((name) => ({ name, parametersJsonSchema: parameters })) }],
          }),
          generationConfig: {
            ...(logprobs && { responseLogprobs: true }),
            ...(thoughts && { thinkingConfig: { includeThoughts: true } }),
          },
        },
      }
    },
    read(text, stream) {
      if (!stream) return gemini.whole(JSON.parse(text))
      return gemini.stream(text.startsWith('[') ? (JSON.parse(text) as unknown[]) : payloadsOf(text))
    },
  },
} satisfies Record<string, DialectAsk>

export type DialectName = keyof typeof dialectAsks

function said(text: string) {
  return { type: 'text', text }
}
