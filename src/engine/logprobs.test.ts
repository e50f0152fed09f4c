import fc from 'fast-check'
import { expect, test } from 'vitest'
import { largest, tokenLogprobs } from './logprobs.ts'

const pieces = { bytes: (token: number) => Uint8Array.of(token), text: String }

test('log probabilities are those of a float64 softmax over the whole vocabulary', () => {
  const logits = fc.float32Array({
    minLength: 1,
    maxLength: 200,
    noNaN: true,
    noDefaultInfinity: true,
    min: -80,
    max: 80,
  })
  fc.assert(
    fc.property(logits, fc.nat(), (values, pick) => {
      const chosen = pick % values.length
      const max = Math.max(...values)
      const weights = [...values].map((value) => Math.exp(value - max))
      const expected = Math.log((weights[chosen] ?? 0) / weights.reduce((a, b) => a + b, 0))
      const { logprob, top } = tokenLogprobs(values, chosen, 3, pieces)
      expect(logprob).toBeCloseTo(Math.max(expected, -9999), 9)
      expect(top.map((each) => each.logprob)).toEqual(top.map((each) => each.logprob).sort((a, b) => b - a))
    }),
  )
})

test('the largest come largest first, and the lower index first of equals', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 3 })), fc.nat(8), (values, count) => {
      const sorted = values
        .map((value, index) => ({ value, index }))
        .sort((a, b) => b.value - a.value || a.index - b.index)
      expect(largest(Float32Array.from(values), count)).toEqual(sorted.slice(0, count).map(({ index }) => index))
    }),
  )
})
