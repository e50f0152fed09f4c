import { describe, expect, test } from 'vitest'
import { GuessRecord, PromptLookup } from './prompt-lookup.ts'
import { StepCost } from './step-cost.ts'

/** Every token after the first is nearly free, as on hardware that waits for memory. */
function cheapTokens(): StepCost {
  const cost = new StepCost()
  for (const tokens of [1, 2, 4, 8, 16]) cost.observe(tokens, 10 + tokens * 0.1)
  return cost
}

const repeating = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8)

describe('prompt lookup', () => {
  test('guesses what followed the same tokens before', () => {
    const lookup = new PromptLookup(repeating, new GuessRecord())
    expect(lookup.guess(4, 1, cheapTokens())).toEqual([9, 1, 2, 3])
    lookup.push(9)
    expect(lookup.guess(2, 1, cheapTokens())).toEqual([1, 2])
  })

  test('goes on with its own guesses where the text repeats itself', () => {
    const guesses = (...tokens: number[]) => {
      return new PromptLookup(Int32Array.from(tokens), new GuessRecord()).guess(8, 1, cheapTokens())
    }
    // Each of these stood there as often as the text is long, and the last time right at its end.
    expect(guesses(7, 7, 7, 7).slice(0, 3)).toEqual([7, 7, 7])
    expect(guesses(1, 2, 1, 2, 1, 2, 1, 2, 1, 2).slice(0, 4)).toEqual([1, 2, 1, 2])
  })

  test('guesses nothing where nothing repeats', () => {
    expect(new PromptLookup(Int32Array.of(1, 2, 3, 4, 5), new GuessRecord()).guess(8, 1, cheapTokens())).toEqual([])
    expect(new PromptLookup(Int32Array.of(1), new GuessRecord()).guess(8, 1, cheapTokens())).toEqual([])
  })

  test('stops where guesses are wrong, and goes on once they would have been right', () => {
    const record = new GuessRecord()
    const lookup = new PromptLookup(repeating, record)
    lookup.guess(4, 1, cheapTokens())
    for (let turn = 0; turn < 60; turn++) lookup.settle(4, 0)
    expect(lookup.guess(4, 1, cheapTokens())).toEqual([])
    let tokens = 0
    for (; lookup.guess(4, 1, cheapTokens()).length === 0 && tokens < 100; tokens++) lookup.push(1 + ((8 + tokens) % 9))
    expect(tokens).toBeGreaterThan(0)
    expect(tokens).toBeLessThan(100)
  })

  test('guesses next to nothing where every token costs a step of its own', () => {
    const dear = new StepCost()
    for (const tokens of [1, 2, 4, 8, 16]) dear.observe(tokens, tokens * 10)
    expect(new PromptLookup(repeating, new GuessRecord()).guess(4, 1, dear)).toEqual([])
  })
})

test('the cost of a step is learnt from steps of different sizes', () => {
  const cost = new StepCost()
  for (let turn = 0; turn < 50; turn++) for (const tokens of [1, 8, 64]) cost.observe(tokens, 5 + tokens * 2)
  expect(cost.perToken).toBeCloseTo(2, 5)
  expect(cost.of(10)).toBeCloseTo(25, 5)
})

test('the cost of small steps is learnt size by size, and between the sizes that were seen', () => {
  const cost = new StepCost()
  for (let turn = 0; turn < 50; turn++)
    for (const [tokens = 0, ms = 0] of [
      [1, 4],
      [2, 13],
      [4, 16],
      [500, 900],
    ])
      cost.observe(tokens, ms)
  expect([1, 2, 3, 4].map((tokens) => cost.of(tokens))).toEqual([4, 13, 14.5, 16])
})

test('sizes that were not tried are hoped to be cheap, until they were', () => {
  const cost = new StepCost()
  for (let turn = 0; turn < 5; turn++) for (const tokens of [1, 2]) cost.observe(tokens, tokens === 1 ? 5 : 13)
  expect(cost.atBest(2)).toBe(cost.of(2))
  expect(cost.atBest(16)).toBeLessThan(40)
  for (let turn = 0; turn < 3; turn++) cost.observe(16, 40)
  expect(cost.atBest(16)).toBe(40)
  expect(cost.atBest(9)).toBeCloseTo(13 + (27 * 7) / 14, 5)
})

test('a step that was disturbed weighs less than one that was not', () => {
  const cost = new StepCost()
  for (const milliseconds of [50, 5, 5, 5, 50]) cost.observe(4, milliseconds)
  expect(cost.of(4)).toBeLessThan(16)
})
