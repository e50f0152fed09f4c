import { describe, expect, test } from 'vitest'
import { PromptLookup } from './prompt-lookup.ts'
import { StepCost } from './step-cost.ts'

/** Every token after the first is nearly free, as on hardware that waits for memory. */
function cheapTokens(): StepCost {
  const cost = new StepCost()
  for (const tokens of [1, 2, 4, 8, 16]) cost.observe(tokens, 10 + tokens * 0.1)
  return cost
}

describe('prompt lookup', () => {
  test('guesses what followed the same tokens before', () => {
    const lookup = new PromptLookup(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3))
    expect(lookup.guess(4, 1, cheapTokens())).toEqual([4, 5, 6, 7])
    lookup.push(4)
    expect(lookup.guess(2, 1, cheapTokens())).toEqual([5, 6])
  })

  test('guesses nothing where nothing repeats', () => {
    expect(new PromptLookup(Int32Array.of(1, 2, 3, 4, 5)).guess(8, 1, cheapTokens())).toEqual([])
    expect(new PromptLookup(Int32Array.of(1)).guess(8, 1, cheapTokens())).toEqual([])
  })

  test('stops for a while when its guesses are wrong', () => {
    const lookup = new PromptLookup(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3))
    for (let turn = 0; turn < 6; turn++) lookup.settle(4, 0)
    expect(lookup.guess(4, 1, cheapTokens())).toEqual([])
  })

  test('guesses nothing where every token costs a step of its own', () => {
    const dear = new StepCost()
    for (const tokens of [1, 2, 4, 8, 16]) dear.observe(tokens, tokens * 10)
    const lookup = new PromptLookup(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3))
    expect(lookup.guess(4, 1, dear)).toEqual([])
  })
})

test('the cost of a step is learnt from steps of different sizes', () => {
  const cost = new StepCost()
  for (let turn = 0; turn < 50; turn++) for (const tokens of [1, 8, 64]) cost.observe(tokens, 5 + tokens * 2)
  expect(cost.perToken).toBeCloseTo(2, 5)
  expect(cost.of(10)).toBeCloseTo(25, 5)
})
