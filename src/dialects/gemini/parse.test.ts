import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import { camelCased } from './camel-case.ts'
import { gemini } from './parse.ts'
import { jsonSchemaOf } from './schema.ts'
import { packSeals } from './sealed-thoughts.ts'

const address = { model: 'm', stream: false }
const hi = [{ parts: [{ text: 'Hi' }] }]

function parsed(body: object): GenerateRequest {
  return gemini.parse(body, address).request
}

function messagesOf(contents: object[]): readonly Message[] {
  const { input } = parsed({ contents })
  return input.kind === 'chat' ? input.messages : []
}

test('everything that Gemini has words for is understood, in either spelling', () => {
  const request = {
    model: 'm',
    input: {
      kind: 'chat',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
    },
    n: 2,
    stop: ['END'],
    sampling: { temperature: 0, topP: 0.5, topK: 40, presencePenalty: 1, frequencyPenalty: -1, seed: 4_294_967_295 },
    maxOutputTokens: 50,
    topLogprobs: 3,
    responseFormat: { type: 'json-schema', name: 'answer', schema: { type: 'object' }, strict: true },
    showReasoning: true,
    reasoningTokens: 100,
    tools: [{ name: 'f', description: 'd', parameters: { type: 'object', properties: { a_b: { type: 'string' } } } }],
    toolChoice: { name: 'f' },
    metadata: { team: 'a' },
    serviceTier: 'flex',
  }
  const camel = {
    contents: hi,
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    tools: [
      {
        functionDeclarations: [
          { name: 'f', description: 'd', parameters: { type: 'OBJECT', properties: { a_b: { type: 'STRING' } } } },
        ],
      },
    ],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
    generationConfig: {
      temperature: 0,
      topP: 0.5,
      topK: 40,
      candidateCount: 2,
      maxOutputTokens: 50,
      stopSequences: ['END'],
      presencePenalty: 1,
      frequencyPenalty: -1,
      seed: -1,
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object' },
      responseLogprobs: true,
      logprobs: 3,
      thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
    },
    labels: { team: 'a' },
    serviceTier: 'flex',
    safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
  }
  expect(parsed(camel)).toEqual(request)
  const snake = JSON.stringify(camel).replaceAll(
    /"([a-z]+(?:[A-Z][a-z]+)+)":/g,
    (_, name: string) => `"${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`,
  )
  expect(snake).toContain('"response_json_schema"')
  expect(parsed(JSON.parse(snake) as object)).toEqual(request)
})

describe('a conversation', () => {
  test('holds calls and their results, with ids or without', () => {
    const call = (name: string, id?: string) => ({ functionCall: { name, args: { a: 1 }, ...(id && { id }) } })
    const result = (name: string, response: object, id?: string) => ({
      functionResponse: { name, response, ...(id && { id }) },
    })
    expect(
      messagesOf([
        ...hi,
        { role: 'model', parts: [{ text: 'Wait.' }, call('f'), call('g', 'own'), call('f')] },
        {
          role: 'function',
          parts: [
            result('g', { error: 'no' }, 'own'),
            result('f', { output: 'x' }),
            result('f', { b: 2 }),
            { text: 'So?' },
          ],
        },
      ]),
    ).toEqual([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: 'Wait.',
        toolCalls: [
          { id: 'call_0', name: 'f', arguments: '{"a":1}' },
          { id: 'own', name: 'g', arguments: '{"a":1}' },
          { id: 'call_1', name: 'f', arguments: '{"a":1}' },
        ],
      },
      { role: 'tool', toolCallId: 'own', name: 'g', content: 'no', toolFailed: true },
      { role: 'tool', toolCallId: 'call_0', name: 'f', content: 'x' },
      { role: 'tool', toolCallId: 'call_1', name: 'f', content: '{"b":2}' },
      { role: 'user', content: 'So?' },
    ])
  })

  test('holds media', () => {
    const parts = [
      { text: 'See' },
      { inlineData: { mimeType: 'image/png', data: '_-8=' } },
      { inline_data: { mime_type: 'audio/wav', data: 'AAAA' } },
      { fileData: { fileUri: 'https://example.com/a.pdf', mimeType: 'application/pdf' } },
    ]
    expect(messagesOf([{ role: 'user', parts }])[0]?.content).toEqual([
      { type: 'text', text: 'See' },
      { type: 'image', url: 'data:image/png;base64,/+8=' },
      { type: 'audio', url: 'data:audio/wav;base64,AAAA' },
      { type: 'file', url: 'https://example.com/a.pdf' },
    ])
  })

  test('gives back what was sealed, by Google or by anyone', () => {
    const signature = { wire: 'anthropic-messages', value: 's' }
    const foreign = packSeals({ signature }) ?? ''
    const hidden = packSeals({ encrypted: { wire: 'openai-responses', value: 'e' }, id: 'rs_1', text: 'Hidden' }) ?? ''
    const parts = [
      { text: 'Hm, ', thought: true },
      { text: 'yes', thought: true, thoughtSignature: foreign },
      { text: '', thought: true, thoughtSignature: hidden },
      { text: 'Answer', thoughtSignature: 'Z29vZ2xl' },
      { functionCall: { name: 'f' }, thought_signature: 'Y2FsbA==' },
    ]
    expect(messagesOf([{ role: 'model', parts }])).toEqual([
      {
        role: 'assistant',
        content: 'Answer',
        reasoning: 'Hm, yes',
        reasoningBlocks: [
          { text: 'Hm, yes', signature },
          { text: 'Hidden', encrypted: { wire: 'openai-responses', value: 'e' }, id: 'rs_1' },
          { text: '', signature: { wire: 'gemini', value: 'Z29vZ2xl' } },
        ],
        toolCalls: [{ id: 'call_0', name: 'f', arguments: '{}', signature: { wire: 'gemini', value: 'Y2FsbA==' } }],
      },
    ])
    // Bytes are what a client in another language makes of it, and back.
    expect(Buffer.from(foreign, 'base64').toString('base64')).toBe(foreign)
    expect(gemini.relayable?.({ contents: [{ role: 'model', parts }] }, address)).toBe(false)
    expect(gemini.relayable?.({ contents: hi }, address)).toBe(true)
  })
})

describe('who may answer', () => {
  test.each([
    [{ stream: true, alt: 'sse' }, {}, true],
    [{ stream: true }, {}, false],
    [{ stream: false }, { model: 'models/other' }, false],
  ])('%o, %o: passed on is %s', (form, more, passed) => {
    expect(gemini.relayable?.({ contents: hi, ...more }, { model: 'm', ...form })).toBe(passed)
  })

  test('is read from the address', () => {
    const params = { model: 'models/a/b', method: 'streamGenerateContent', alt: 'sse' }
    expect(gemini.address?.({}, params)).toEqual({ model: 'a/b', stream: true, alt: 'sse' })
  })
})

describe('tools', () => {
  const tools = ['f', 'g'].map((name) => ({ functionDeclarations: [{ name }] }))
  const chosen = (functionCallingConfig: object) => {
    const { tools: given, toolChoice } = parsed({ contents: hi, tools, toolConfig: { functionCallingConfig } })
    return [given?.map(({ name, strict }) => (strict ? `${name}!` : name)).join(), toolChoice]
  }
  test.each([
    [{}, ['f,g', undefined]],
    [{ mode: 'AUTO' }, ['f,g', undefined]],
    [{ mode: 'NONE' }, ['f,g', 'none']],
    [{ mode: 'ANY' }, ['f,g', 'required']],
    [{ mode: 'ANY', allowedFunctionNames: ['g'] }, ['g', { name: 'g' }]],
    [{ mode: 'ANY', allowedFunctionNames: ['g', 'f'] }, ['f,g', 'required']],
    [{ mode: 'VALIDATED', allowedFunctionNames: ['f'] }, ['f!', 'auto']],
  ])('%o', (config, expected) => {
    expect(chosen(config)).toEqual(expected)
  })

  test.each([
    [{ contents: hi, tools: [...tools, tools[0]] }, 'tools'],
    [
      { contents: hi, tools, toolConfig: { functionCallingConfig: { allowedFunctionNames: ['x'] } } },
      'toolConfig.functionCallingConfig.allowedFunctionNames',
    ],
    [{ contents: hi, toolConfig: { functionCallingConfig: { mode: 'ANY' } } }, 'toolConfig.functionCallingConfig.mode'],
  ])('that make no sense are refused', (body, param) => {
    expect(() => parsed(body)).toThrow(expect.objectContaining({ code: 'invalid_value', param }))
  })
})

describe('a schema of Google’s', () => {
  test('becomes a JSON schema', () => {
    const schema = {
      type: 'OBJECT',
      title: 'T',
      properties: {
        any_of: {
          any_of: [
            { type: 'STRING', format: 'date-time' },
            { type: 'INTEGER', format: 'int32' },
          ],
        },
        list: { type: 'ARRAY', items: { type: 'NUMBER', nullable: true }, min_items: '1', maxItems: 3 },
        choice: { type: 'STRING', format: 'enum', enum: ['a'], nullable: true },
      },
      required: ['list'],
      propertyOrdering: ['list', 'choice'],
    }
    const converted = jsonSchemaOf(schema, 'schema')
    expect(converted).toEqual({
      type: 'object',
      title: 'T',
      properties: {
        any_of: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] },
        list: { type: 'array', items: { type: ['number', 'null'] }, minItems: 1, maxItems: 3 },
        choice: { enum: ['a', null] },
      },
      required: ['list'],
    })
    const { properties = {} } = converted as { properties?: object }
    expect(Object.keys(properties)).toEqual(['list', 'choice', 'any_of'])
  })

  test('that nests without end is refused', () => {
    let schema: object = { type: 'STRING' }
    for (let depth = 0; depth < 60; depth++) schema = { type: 'ARRAY', items: schema }
    expect(() => jsonSchemaOf(schema, 's')).toThrow(expect.objectContaining({ code: 'invalid_value' }))
  })
})

test('whatever is sent is understood or refused by name', () => {
  const names = [
    'contents',
    'parts',
    'text',
    'role',
    'tools',
    'functionDeclarations',
    'generationConfig',
    'function_call',
    'args',
  ]
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('model', 'user', '', null, 1, -1, true),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(tree, (body) => {
      try {
        gemini.parse(body, address)
      } catch (error) {
        if (!(error instanceof InferloomError)) throw error
        expect(error.kind.status).toBe(400)
      }
    }),
  )
})

test('a field is one of the request itself, not of what it inherits', () => {
  const body = JSON.parse('{"contents":[{"parts":[{"__proto__":{"text":"Hi"}}]}]}') as object
  expect(() => parsed(body)).toThrow(
    expect.objectContaining({ param: expect.stringContaining('contents[0].parts[0]') }),
  )
})

test('names are changed nowhere that is the client’s own', () => {
  const own = { my_key: { other_key: null } }
  const body = { function_call: { args: own }, labels: own, generation_config: { response_schema: own, top_k: null } }
  expect(camelCased(body)).toEqual({
    functionCall: { args: own },
    labels: own,
    generationConfig: { responseSchema: own },
  })
})
