// Conversations of any kind, as clients of each dialect write them.
import fc from 'fast-check'
import type { DialectName } from './dialect-asks.ts'

interface Call {
  readonly id: string
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** What the tool answered. */
  readonly result: string
}

export interface Conversation {
  readonly system: string
  readonly turns: readonly { readonly user: string; readonly assistant: string; readonly calls: readonly Call[] }[]
  readonly last: string
  readonly temperature: number
  readonly max: number
}

const words = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => text.trim() !== '' && text.isWellFormed())
  // Neither JSON, which Gemini takes apart in results, nor blanks at its ends, which some APIs refuse.
  .map((text) => `«${text}»`)

const call = fc.record({
  id: fc.stringMatching(/^[a-zA-Z0-9]{9}$/),
  name: fc.constantFrom('look', 'find'),
  arguments: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.oneof(words, fc.integer(), fc.boolean()), {
    maxKeys: 3,
  }),
  result: words,
})

export const anyConversation: fc.Arbitrary<Conversation> = fc
  .record({
    system: words,
    turns: fc.array(fc.record({ user: words, assistant: words, calls: fc.array(call, { maxLength: 2 }) }), {
      maxLength: 3,
    }),
    last: words,
    temperature: fc.integer({ min: 0, max: 10 }).map((each) => each / 10),
    max: fc.integer({ min: 16, max: 4000 }),
  })
  .filter(({ turns }) => {
    const ids = turns.flatMap(({ calls }) => calls.map(({ id }) => id))
    return new Set(ids).size === ids.length
  })

export type Entry =
  | readonly [who: 'system' | 'user' | 'assistant', text: string]
  | readonly [who: 'call', name: string, given: unknown]
  | readonly [who: 'result', text: string]

/** What is said in it, in order. */
export function entriesOf({ system, turns, last }: Conversation): Entry[] {
  return [
    ['system', system],
    ...turns.flatMap(({ user, assistant, calls }): Entry[] => [
      ['user', user],
      ['assistant', assistant],
      ...calls.map((each) => ['call', each.name, each.arguments] as const),
      ...calls.map(({ result }) => ['result', result] as const),
    ]),
    ['user', last],
  ]
}

const parameters = { type: 'object', properties: {} }
const names = ['look', 'find']

export const conversationOn: Readonly<
  Record<Exclude<DialectName, 'openai-completions'>, (given: Conversation) => object>
> = {
  'openai-chat': ({ system, turns, last, temperature, max }) => ({
    model: 'm',
    temperature,
    max_completion_tokens: max,
    tools: names.map((name) => ({ type: 'function', function: { name, parameters } })),
    messages: [
      { role: 'developer', content: system },
      ...turns.flatMap(({ user, assistant, calls }) => [
        { role: 'user', content: user },
        {
          role: 'assistant',
          content: assistant,
          ...(calls.length > 0 && {
            tool_calls: calls.map(({ id, name, arguments: given }) => ({
              id,
              type: 'function',
              function: { name, arguments: JSON.stringify(given) },
            })),
          }),
        },
        ...calls.map(({ id, result }) => ({ role: 'tool', tool_call_id: id, content: result })),
      ]),
      { role: 'user', content: [{ type: 'text', text: last }] },
    ],
  }),
  'openai-responses': ({ system, turns, last, temperature, max }) => ({
    model: 'm',
    temperature,
    max_output_tokens: max,
    tools: names.map((name) => ({ type: 'function', name, parameters, strict: false })),
    instructions: system,
    input: [
      ...turns.flatMap(({ user, assistant, calls }) => [
        { role: 'user', content: user },
        { role: 'assistant', content: [{ type: 'output_text', text: assistant }] },
        ...calls.map(({ id, name, arguments: given }) => ({
          type: 'function_call',
          call_id: id,
          name,
          arguments: JSON.stringify(given),
        })),
        ...calls.map(({ id, result }) => ({ type: 'function_call_output', call_id: id, output: result })),
      ]),
      { role: 'user', content: [{ type: 'input_text', text: last }] },
    ],
  }),
  'anthropic-messages': ({ system, turns, last, temperature, max }) => {
    const messages: { role: string; content: object[] }[] = []
    // Results and what the user says next are one message.
    const add = (role: string, ...content: object[]) => {
      const before = messages.at(-1)
      if (before?.role === role) before.content.push(...content)
      else messages.push({ role, content })
    }
    for (const { user, assistant, calls } of turns) {
      add('user', { type: 'text', text: user })
      add(
        'assistant',
        { type: 'text', text: assistant },
        ...calls.map(({ id, name, arguments: input }) => ({ type: 'tool_use', id, name, input })),
      )
      for (const { id, result } of calls) add('user', { type: 'tool_result', tool_use_id: id, content: result })
    }
    add('user', { type: 'text', text: last })
    return {
      model: 'm',
      temperature,
      max_tokens: max,
      tools: names.map((name) => ({ name, input_schema: parameters })),
      system,
      messages,
    }
  },
  gemini: ({ system, turns, last, temperature, max }) => ({
    generationConfig: { temperature, maxOutputTokens: max },
    tools: [{ functionDeclarations: names.map((name) => ({ name, parametersJsonSchema: parameters })) }],
    systemInstruction: { parts: [{ text: system }] },
    contents: [
      ...turns.flatMap(({ user, assistant, calls }) => [
        { role: 'user', parts: [{ text: user }] },
        {
          role: 'model',
          parts: [
            { text: assistant },
            ...calls.map(({ id, name, arguments: args }) => ({ functionCall: { id, name, args } })),
          ],
        },
        ...(calls.length > 0
          ? [
              {
                role: 'user',
                parts: calls.map(({ id, name, result }) => ({
                  functionResponse: { id, name, response: { output: result } },
                })),
              },
            ]
          : []),
      ]),
      { role: 'user', parts: [{ text: last }] },
    ],
  }),
}
