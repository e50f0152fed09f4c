import { expect, test } from 'vitest'
import { sameFacts } from './same-facts.ts'

test.each([
  ['What is inference?', 'Can you explain inference?'],
  ['How do I lower the price of 1,000 tokens?', 'How can 1,000 tokens be made cheaper?'],
  ['Where is the Louvre in Paris?', 'In which street of Paris is the Louvre?'],
])('%s = %s', (a, b) => expect(sameFacts(a, b)).toBe(true))

test.each([
  ['What is 12 + 5?', 'What is 12 + 6?'],
  ['Which models can see?', 'Which models can not see?'],
  ['Flights from Paris to Rome', 'Flights from Paris to Oslo'],
  ['What does "stop" do?', 'What does "start" do?'],
  ['How do I enable caching?', 'How do I disable caching?'],
  ['Is it valid?', 'Is it invalid?'],
  ['What is gpt4?', 'What is gpt5?'],
  ['Show the maximum', 'Show the minimum'],
])('%s ≠ %s', (a, b) => expect(sameFacts(a, b)).toBe(false))
