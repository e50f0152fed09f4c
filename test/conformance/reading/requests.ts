// What requests say on the wires of providers, read as their documentation has them (the addresses are in the readers of
// answers beside this file). Written for the tests alone.
import type { Entry } from '../conversations.ts'
import { jsonOf } from './said.ts'

interface SaidRequest {
  readonly entries: readonly Entry[]
  readonly tools: readonly string[]
  readonly temperature: number | undefined
  readonly max: number | undefined
}

type Reading = (body: unknown) => SaidRequest

interface Text {
  readonly text?: string
}

const textOf = (content: string | readonly Text[] | null | undefined): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('')

const said = (who: 'system' | 'user' | 'assistant', text: string): Entry[] => (text === '' ? [] : [[who, text]])

interface ChatBody {
  readonly messages: readonly {
    readonly role: string
    readonly content?: string | readonly Text[] | null
    readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[]
  }[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
  readonly temperature?: number
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
}

/** OpenAI's form of it is also Mistral's and Cohere's. */
const chat: Reading = (given) => {
  const { messages, tools = [], temperature, max_tokens: older, max_completion_tokens: max = older } = given as ChatBody
  return {
    entries: messages.flatMap(({ role, content, tool_calls: calls = [] }): Entry[] => {
      if (role === 'tool') return [['result', textOf(content)]]
      const who = role === 'developer' ? 'system' : (role as 'system' | 'user' | 'assistant')
      return [
        ...said(who, textOf(content)),
        ...calls.map(({ function: called }) => ['call', called.name, jsonOf(called.arguments)] as const),
      ]
    }),
    tools: tools.map((tool) => tool.function.name),
    temperature,
    max,
  }
}

interface ResponsesBody {
  readonly instructions?: string
  readonly input: readonly {
    readonly type?: string
    readonly role?: string
    readonly content?: string | readonly Text[]
    readonly name?: string
    readonly arguments?: string
    readonly output?: string | readonly Text[]
  }[]
  readonly tools?: readonly { readonly name: string }[]
  readonly temperature?: number
  readonly max_output_tokens?: number
}

const responses: Reading = (given) => {
  const { instructions = '', input, tools = [], temperature, max_output_tokens: max } = given as ResponsesBody
  const entries = input.flatMap(({ type, role, content, name = '', arguments: text = '', output }): Entry[] => {
    if (type === 'function_call') return [['call', name, jsonOf(text)]]
    if (type === 'function_call_output') return [['result', textOf(output)]]
    return said(role === 'developer' ? 'system' : (role as 'user' | 'assistant'), textOf(content))
  })
  return {
    entries: [...said('system', instructions), ...entries],
    tools: tools.map(({ name }) => name),
    temperature,
    max,
  }
}

interface MessagesBody {
  readonly system?: string | readonly Text[]
  readonly messages: readonly {
    readonly role: 'user' | 'assistant'
    readonly content:
      | string
      | readonly (Text & {
          readonly type: string
          readonly name?: string
          readonly input?: unknown
          readonly content?: string | readonly Text[]
        })[]
  }[]
  readonly tools?: readonly { readonly name: string }[]
  readonly temperature?: number
  readonly max_tokens: number
}

const messages: Reading = (given) => {
  const { system, messages: all, tools = [], temperature, max_tokens: max } = given as MessagesBody
  const entries = all.flatMap(({ role, content }): Entry[] => {
    if (typeof content === 'string') return said(role, content)
    return content.flatMap((block): Entry[] => {
      if (block.type === 'tool_use') return [['call', block.name ?? '', block.input]]
      if (block.type === 'tool_result') return [['result', textOf(block.content)]]
      return said(role, block.text ?? '')
    })
  })
  return {
    entries: [...said('system', textOf(system)), ...entries],
    tools: tools.map(({ name }) => name),
    temperature,
    max,
  }
}

interface GeminiBody {
  readonly systemInstruction?: { readonly parts: readonly Text[] }
  readonly contents: readonly {
    readonly role: 'user' | 'model'
    readonly parts: readonly (Text & {
      readonly functionCall?: { readonly name: string; readonly args: unknown }
      readonly functionResponse?: { readonly response: { readonly output?: string } }
    })[]
  }[]
  readonly tools?: readonly { readonly functionDeclarations: readonly { readonly name: string }[] }[]
  readonly generationConfig?: { readonly temperature?: number; readonly maxOutputTokens?: number }
}

const gemini: Reading = (given) => {
  const { systemInstruction, contents, tools = [], generationConfig } = given as GeminiBody
  const entries = contents.flatMap(({ role, parts }) =>
    parts.flatMap(({ text = '', functionCall, functionResponse }): Entry[] => {
      if (functionCall) return [['call', functionCall.name, functionCall.args]]
      if (functionResponse) return [['result', functionResponse.response.output ?? '']]
      return said(role === 'model' ? 'assistant' : 'user', text)
    }),
  )
  return {
    entries: [...said('system', textOf(systemInstruction?.parts)), ...entries],
    tools: tools.flatMap(({ functionDeclarations }) => functionDeclarations.map(({ name }) => name)),
    temperature: generationConfig?.temperature,
    max: generationConfig?.maxOutputTokens,
  }
}

interface ConverseBody {
  readonly system?: readonly Text[]
  readonly messages: readonly {
    readonly role: 'user' | 'assistant'
    readonly content: readonly (Text & {
      readonly toolUse?: { readonly name: string; readonly input: unknown }
      readonly toolResult?: { readonly content: readonly Text[] }
    })[]
  }[]
  readonly toolConfig?: { readonly tools: readonly { readonly toolSpec?: { readonly name: string } }[] }
  readonly inferenceConfig?: { readonly temperature?: number; readonly maxTokens?: number }
}

const converse: Reading = (given) => {
  const { system, messages: all, toolConfig, inferenceConfig } = given as ConverseBody
  const entries = all.flatMap(({ role, content }) =>
    content.flatMap(({ text = '', toolUse, toolResult }): Entry[] => {
      if (toolUse) return [['call', toolUse.name, toolUse.input]]
      return toolResult ? [['result', textOf(toolResult.content)]] : said(role, text)
    }),
  )
  return {
    entries: [...said('system', textOf(system)), ...entries],
    tools: (toolConfig?.tools ?? []).flatMap(({ toolSpec }) => toolSpec?.name ?? []),
    temperature: inferenceConfig?.temperature,
    max: inferenceConfig?.maxTokens,
  }
}

export const requestReadings: Readonly<Record<string, Reading>> = {
  'openai-chat': chat,
  'mistral-chat': chat,
  'cohere-chat': chat,
  'openai-responses': responses,
  'anthropic-messages': messages,
  gemini,
  'bedrock-converse': converse,
}
