// Conversations of any kind, written by clients of every dialect, as they arrive at every provider: nothing is lost on
// the way, nothing moved, and what is asked for is asked for there.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyConversation, conversationOn, entriesOf } from './conversations.ts'
import { requestReadings } from './reading/requests.ts'
import { dialects, wires } from './tested-wires.ts'

const names = Object.keys(conversationOn) as (keyof typeof conversationOn)[]

describe.for(names)('a conversation on %s', (name) => {
  test.for(Object.entries(wires))('arrives as it is at %s', ([wireName, { wire, model }]) => {
    const property = fc.property(anyConversation, fc.boolean(), (conversation, stream) => {
      const { request } = dialects[name].parse(conversationOn[name](conversation), { model: 'm', stream })
      const { body } = wire.request({ ...request, model }, { provider: 'up', stream })
      expect(requestReadings[wireName]?.(JSON.parse(body))).toEqual({
        entries: entriesOf(conversation),
        tools: ['look', 'find'],
        temperature: conversation.temperature,
        max: conversation.max,
      })
    })
    fc.assert(property, { numRuns: 40 })
  })
})

test('what a dialect understood is written and understood again as the same', () => {
  const property = fc.property(anyConversation, (conversation) => {
    const understood = names.map(
      (name) => dialects[name].parse(conversationOn[name](conversation), { model: 'm', stream: false }).request,
    )
    const plain = understood.map(({ input, sampling, maxOutputTokens, tools }) => ({
      messages: input.kind === 'chat' ? input.messages.map(unnamed) : [],
      sampling,
      maxOutputTokens,
      tools: tools?.map((tool) => tool.name),
    }))
    for (const each of plain) expect(each).toEqual(plain[0])
  })
  fc.assert(property, { numRuns: 60 })
})

/** Google's clients name the function beside a result, and others do not. */
function unnamed(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([key]) => key !== 'name'))
}
