import { anthropicMessages } from '../../src/dialects/anthropic-messages/parse.ts'
import { gemini } from '../../src/dialects/gemini/parse.ts'
import { openaiChat } from '../../src/dialects/openai-chat/parse.ts'
import { openaiCompletions } from '../../src/dialects/openai-completions/parse.ts'
import { openaiResponses } from '../../src/dialects/openai-responses/parse.ts'
import { dialectAsks } from './dialect-asks.ts'
import { dialectSuite } from './dialect-suite.ts'

const ofType = (type: string) => (payload: unknown) => (payload as { type?: string }).type === type

dialectSuite({
  dialect: openaiChat,
  ask: dialectAsks['openai-chat'],
  begins: (payload) => {
    const { choices = [] } = payload as { choices?: readonly { delta?: { role?: string } }[] }
    return choices[0]?.delta?.role === 'assistant'
  },
})

dialectSuite({ dialect: openaiCompletions, ask: dialectAsks['openai-completions'], textOnly: true })

dialectSuite({
  dialect: openaiResponses(),
  ask: dialectAsks['openai-responses'],
  begins: ofType('response.created'),
})

dialectSuite({
  dialect: anthropicMessages,
  ask: dialectAsks['anthropic-messages'],
  begins: ofType('message_start'),
})

dialectSuite({ dialect: gemini, ask: dialectAsks.gemini, alt: 'sse' })
// Without it a stream is one list that grows.
dialectSuite({ dialect: gemini, ask: dialectAsks.gemini })
