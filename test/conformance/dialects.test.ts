import { expect, test } from 'vitest'
import type { StreamEvent } from '../../src/canonical/events.ts'
import { anthropicMessages } from '../../src/dialects/anthropic-messages/parse.ts'
import { gemini } from '../../src/dialects/gemini/parse.ts'
import { openaiChat } from '../../src/dialects/openai-chat/parse.ts'
import { openaiCompletions } from '../../src/dialects/openai-completions/parse.ts'
import { openaiResponses } from '../../src/dialects/openai-responses/parse.ts'
import { dialectAsks } from './dialect-asks.ts'
import { dialectSuite } from './dialect-suite.ts'
import { chatChoice } from './reading/openai-chat.ts'
import { payloadsOf } from './reading/said.ts'

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

test('answers that come side by side are told apart', () => {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], n: 2, stream: true }
  const out = openaiChat.parse(body, { model: 'm', stream: true }).writer('0')
  const said = (choiceIndex: number, text: string): StreamEvent => ({ type: 'text-delta', choiceIndex, text })
  const end = (choiceIndex: number, finishReason: 'stop' | 'length'): StreamEvent => ({
    type: 'text-end',
    choiceIndex,
    finishReason,
  })
  const events = [said(1, 'B'), said(0, 'A'), said(1, 'b'), end(1, 'length'), said(0, 'a'), end(0, 'stop')]
  const payloads = payloadsOf(events.map((event) => out.chunk([event])).join('') + out.end())
  expect([0, 1].map((choice) => chatChoice(payloads, choice))).toMatchObject([
    { text: 'Aa', finish: 'stop' },
    { text: 'Bb', finish: 'length' },
  ])
})
