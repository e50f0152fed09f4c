import { expect, test } from 'vitest'
import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import { Timings } from './timings.ts'

const usage = (input: number, output: number): Usage => ({
  inputTokens: { total: input, cacheRead: 0 },
  outputTokens: { total: output, reasoning: 0 },
})
const text: StreamEvent = { type: 'text-delta', choiceIndex: 0, text: 'x' }
const { signal } = new AbortController()

function watched(stream = true): Timings {
  const receivedAt = performance.now()
  return new Timings('up/m', { id: '1', dialect: 'd', stream, receivedAt, signal, text: 'x'.repeat(40) })
}

test('what is reported at the end counts, whatever was seen before', () => {
  const timings = watched()
  timings.observe([text, text, text, { type: 'finish', usage: usage(9, 7) }], performance.now())
  expect(timings.entry().row).toMatchObject({
    status: 200,
    prompt_tokens: 9,
    output_tokens: 7,
    usage_basis: 'reported',
    doubt: null,
  })
})

test('an answer that ends early has what was told of it, and one for each piece that came after that', () => {
  const begun = watched()
  begun.observe([{ type: 'response-metadata', usage: usage(9, 1) }, text, text, text], performance.now())
  expect(begun.entry().row).toMatchObject({ status: 499, prompt_tokens: 9, output_tokens: 4, usage_basis: 'counted' })
  const told = watched()
  told.observe([text, text, { type: 'response-metadata', usage: usage(9, 5) }], performance.now())
  told.error = new InferloomError('client_closed', 'gone')
  expect(told.entry().row).toMatchObject({ prompt_tokens: 9, output_tokens: 5, usage_basis: 'reported' })
})

test('of an answer of which nobody tells anything, the pieces are counted and the prompt is estimated', () => {
  const left = watched()
  left.see({ bytes: new Uint8Array(), deltas: 3 })
  expect(left.usage).toEqual(usage(10, 3))
  const silent = watched()
  silent.observe([text, text, { type: 'finish', usage: usage(0, 0) }], performance.now())
  expect(silent.entry().row).toMatchObject({ status: 200, prompt_tokens: 10, output_tokens: 2, usage_basis: 'counted' })
  const nothing = watched()
  expect(nothing.usage).toBeUndefined()
  expect(nothing.entry().row).toMatchObject({ prompt_tokens: null, output_tokens: null, usage_basis: null })
})

test('of sounds, and of an answer that comes whole, nothing is counted', () => {
  const sounds = watched()
  for (let piece = 0; piece < 5; piece++) sounds.see({ bytes: new Uint8Array(8), deltas: 1, opaque: true })
  sounds.complete()
  const whole = watched(false)
  whole.see({ bytes: new Uint8Array(), deltas: 1 })
  whole.complete()
  for (const timings of [sounds, whole]) {
    expect(timings.usage).toBeUndefined()
    expect(timings.entry().row).toMatchObject({ status: 200, output_tokens: null, prompt_tokens: null })
    expect(timings.entry().row.ttft_ms).toBeGreaterThanOrEqual(0)
  }
})

test('for numbers that cannot be nothing is charged', () => {
  const timings = watched()
  timings.observe([text, { type: 'finish', usage: usage(9, -7) }], performance.now())
  timings.cost = { usd: 1, price: 'p' }
  expect(timings.usage).toBeUndefined()
  expect(timings.entry().row).toMatchObject({
    prompt_tokens: 9,
    output_tokens: null,
    cost_usd: null,
    price: null,
    doubt: 'outputTokens.total',
  })
})
