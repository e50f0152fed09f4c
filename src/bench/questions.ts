import type { DataRow } from './data-rows.ts'

const asked: readonly (readonly [question: string, ...right: string[]])[] = [
  ['What is the capital of France?', 'Paris'],
  ['What is 17 + 26?', '43'],
  ['What is 12 times 12?', '144'],
  ['Which planet is closest to the sun?', 'Mercury'],
  ['What is the chemical symbol of gold?', 'Au'],
  ['Who wrote "Hamlet"?', 'Shakespeare'],
  ['How many minutes are there in two hours?', '120'],
  ['What is the largest ocean?', 'Pacific'],
  ['In which year did the Second World War end?', '1945'],
  ['What is the square root of 81?', '9', 'nine'],
  ['What is the opposite of "cold"?', 'hot', 'warm'],
  ['How many legs does a spider have?', '8', 'eight'],
  ['Which gas do plants take from the air to grow?', 'carbon dioxide', 'CO2', 'CO₂'],
  ['What is 100 minus 37?', '63'],
  ['What is the capital of Japan?', 'Tokyo'],
  ['At how many degrees Celsius does water boil at sea level?', '100'],
  ['What is the past tense of "go"?', 'went'],
  ['How many sides does a hexagon have?', '6', 'six'],
  ['What is the first element of the periodic table?', 'hydrogen'],
  ['Translate "good morning" into Spanish.', 'buenos días', 'buenos dias'],
]

/** Easy ones, to see that a model is not broken; what it is worth for a task only the task's own data shows. */
export const questions: readonly DataRow[] = asked.map(([question, ...expected]) => ({
  messages: [{ role: 'user', content: `${question} Answer briefly.` }],
  expected,
}))
