import { expect, test } from 'vitest'
import { answeringModel } from './answering-model.ts'

const found = (text: string) => answeringModel(Buffer.from(text))

test('a model is found at the beginning of an answer, or at its end', () => {
  expect(found('data: {"id":"1","model":"gpt-4o-2024-08-06","choices":[]}\n\n')).toBe('gpt-4o-2024-08-06')
  expect(found('{"id": "1", "model": "org/m@1:2"}')).toBe('org/m@1:2')
  expect(found(`{"candidates":["${'x'.repeat(10_000)}"],"modelVersion":"gemini-3-pro"}`)).toBe('gemini-3-pro')
})

test('what only looks like one is none', () => {
  for (const text of ['', '{}', '{"model":null}', '{"model":"', '{"text":"\\"model\\":\\"x\\""}', '{"model":"<b>"}']) {
    expect(found(text)).toBe(undefined)
  }
})
