import { expect, test } from 'vitest'
import type { GenerateRequest } from '../../canonical/request.ts'
import { openaiResponsesCount } from './openai-responses-count.ts'

const request: GenerateRequest = {
  model: 'gpt-5.4',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
  n: 1,
  stop: ['x'],
  sampling: { topK: 3 },
  maxOutputTokens: 5,
  tools: [{ name: 'weather', parameters: { type: 'object' } }],
}

test('what the model reads is counted, whatever the request says of the answer', () => {
  const { path, body } = openaiResponsesCount.request(request, { provider: 'openai' })
  expect(path).toBe('/responses/input_tokens')
  expect(JSON.parse(body)).toEqual({
    model: 'gpt-5.4',
    input: [{ type: 'message', role: 'user', content: 'Hello' }],
    tools: [{ type: 'function', name: 'weather', parameters: { type: 'object' }, strict: false }],
  })
  const counted = { object: 'response.input_tokens', input_tokens: 11 }
  expect(openaiResponsesCount.result(counted)).toEqual({ tokens: 11, exact: true })
  expect(() => openaiResponsesCount.result({ error: {} })).toThrow()
})
