import { expect, test } from 'vitest'
import { openaiRefusal } from './openai-refusal.ts'
import { shown } from './refusal.ts'

test('nothing that looks like a key is repeated', () => {
  const keys = [
    'sk-proj-AbCdEf0123456789',
    'sk-ant-api03-xyz_XYZ',
    'sk-abc***************xyz',
    'gsk_1234567890abcdef',
    'xai-ABCDEF123',
    'AIzaSyA-1234567890_abcdef',
    'AKIAIOSFODNN7EXAMPLE',
    'hf_abcdefghijkl',
    'nvapi-abc_DEF-123',
    '0123456789abcdef0123456789abcdef',
    'Bearer abc.def.ghi',
  ]
  for (const key of keys)
    expect([key, shown(`Incorrect API key provided: ${key}. See the docs.`)]).toEqual([
      key,
      'Incorrect API key provided: [key]. See the docs.',
    ])
  const words =
    'The model `gpt-4.1-nano-2025-04-14` does not exist; a skilful key-value answer is at https://a.example/docs.'
  expect(shown(words)).toBe(words)
})

test.each([
  ['{"error":{"message":"a","type":"t","code":"c","param":"p"}}', 'a', 'c'],
  ['{"error":{"message":"a","type":"t","code":null}}', 'a', 't'],
  ['{"error":"a"}', 'a', undefined],
  ['{"object":"error","message":"a","type":"BadRequestError","code":400}', 'a', 'BadRequestError'],
  ['{"detail":"a"}', 'a', undefined],
  ['{"detail":[{"loc":["body"],"msg":"a","type":"missing"}]}', 'a', undefined],
  ['{"code":"c","error":"a"}', 'a', undefined],
])('%s', (body, message, code) => {
  const error = openaiRefusal({ provider: 'acme', status: 400, headers: {}, body })
  expect(error.message).toBe(`acme refused the request: ${message}`)
  expect(error.fault?.code).toBe(code)
})
