// The two halves of each tool format meet: what its grammar makes a real model write, its parser reads as a call.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import { AnswerParser } from '../../src/engine/answer-parser.ts'
import { answerGrammar } from '../../src/engine/tools/answer-grammar.ts'
import { deepseekBare, deepseekFenced } from '../../src/engine/tools/deepseek.ts'
import { harmony } from '../../src/engine/tools/harmony.ts'
import { json } from '../../src/engine/tools/json.ts'
import { llama } from '../../src/engine/tools/llama.ts'
import { mistralList, mistralNamed } from '../../src/engine/tools/mistral.ts'
import { xmlParameters } from '../../src/engine/tools/xml-parameters.ts'
import type { ToolFormat } from '../../src/engine/tools/tool-format.ts'
import { startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const tools = ['get_weather', 'get_time'].map((name) => ({
  name,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 6 }, days: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
}))

interface Call {
  readonly name: string
  readonly arguments: string
}

async function write(
  format: ToolFormat,
  asked: Pick<GenerateRequest, 'toolChoice' | 'parallelToolCalls'>,
  seed: number,
) {
  const grammar = answerGrammar({ tools, ...asked }, { format, begun: false })
  const body = { model: 'loom-mini', prompt: 'Weather: ', grammar, temperature: 1.5, seed, max_tokens: 400 }
  const response = await server.post('/v1/completions', body)
  const answer = (await response.json()) as { choices: { text: string; finish_reason: string }[] }
  const [choice] = answer.choices
  if (choice?.finish_reason !== 'stop') throw new Error(JSON.stringify(answer))
  return choice.text
}

function read(format: ToolFormat, text: string): { calls: Call[]; rest: string } {
  const names = new Set(tools.map(({ name }) => name))
  const schemas = new Map(tools.map(({ name, parameters }) => [name, parameters]))
  const parser = new AnswerParser(0, { format, tools: names, schemas, reasoningBegun: false, parallel: true })
  const calls: { name: string; arguments: string }[] = []
  let rest = ''
  for (const event of [...parser.push(text), ...parser.end('stop')]) {
    if (event.type === 'tool-input-start') calls.push({ name: event.toolName, arguments: '' })
    else if (event.type === 'tool-input-delta') (calls[event.toolIndex] ?? { arguments: '' }).arguments += event.delta
    else if (event.type === 'text-delta') rest += event.text
  }
  return { calls, rest }
}

const formats = [llama, mistralList, mistralNamed, deepseekFenced, deepseekBare, harmony, json, xmlParameters]

test.each(formats)('$name: a call that must be', async (format) => {
  for (const seed of [1, 2]) {
    const text = await write(format, { toolChoice: 'required', parallelToolCalls: false }, seed)
    const { calls, rest } = read(format, text)
    expect({ count: calls.length, rest }, text).toEqual({ count: 1, rest: '' })
    const given = JSON.parse(calls[0]?.arguments ?? '') as { city: string; days: number }
    expect(Object.keys(given)).toEqual(['city', 'days'])
    expect(given.days).toBeGreaterThan(0)
  }
})

test.each(formats)('$name: the tool that was named', async (format) => {
  const text = await write(format, { toolChoice: { name: 'get_time' } }, 3)
  expect(read(format, text).calls.map(({ name }) => name)).toEqual(['get_time'])
})
