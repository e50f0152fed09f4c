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

  test('guesses nothing where nothing repeats', () => {
    expect(new PromptLookup(Int32Array.of(1, 2, 3, 4, 5), new GuessRecord()).guess(8, 1, cheapTokens())).toEqual([])
    expect(new PromptLookup(Int32Array.of(1), new GuessRecord()).guess(8, 1, cheapTokens())).toEqual([])
  })

  test('stops where guesses are wrong, and tries again now and then', () => {
    const record = new GuessRecord()
    const lookup = new PromptLookup(repeating, record)
    lookup.guess(4, 1, cheapTokens())
    for (let turn = 0; turn < 60; turn++) lookup.settle(4, 0)
    const tries = Array.from({ length: 200 }, () => lookup.guess(4, 1, cheapTokens()).length)
    expect(tries.reduce((sum, guessed) => sum + guessed, 0)).toBeGreaterThan(0)
    expect(tries.filter((guessed) => guessed > 0).length).toBeLessThan(10)
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
