import { InferloomError } from '../canonical/errors.ts'

/** How many tokens each of many prompts or answers has. */
export interface Lengths {
  /** As it was asked for: `normal:200,50`. */
  readonly text: string
  /** Of many draws. */
  readonly mean: number
  draw(random: () => number): number
}

/** Tokens of one prompt or answer. */
const mostTokens = 1_000_000

const forms: readonly { form: RegExp; read: (numbers: readonly number[]) => Omit<Lengths, 'text'> }[] = [
  { form: /^(\d+)$/, read: ([tokens = 0]) => ({ mean: tokens, draw: () => tokens }) },
  {
    form: /^(\d+)-(\d+)$/,
    read: ([from = 0, to = 0]) => ({
      mean: (from + to) / 2,
      draw: (random) => from + Math.floor(random() * (to - from + 1)),
    }),
  },
  {
    form: /^normal:(\d+),(\d+)$/,
    read: ([mean = 0, deviation = 0]) => ({
      mean,
      draw: (random) => Math.max(1, Math.round(mean + deviation * standardNormal(random))),
    }),
  },
  {
    form: /^choice:(\d+(?:,\d+)*)$/,
    read: (numbers) => ({
      mean: numbers.reduce((sum, each) => sum + each, 0) / numbers.length,
      draw: (random) => numbers[Math.floor(random() * numbers.length)] ?? 1,
    }),
  },
]

/**
 * Reads a distribution of lengths in tokens. Throws `invalid_value` with the forms there are.
 *
 * @example parseLengths('normal:200,50', '--prompt-tokens').draw(Math.random)
 */
export function parseLengths(text: string, option: string): Lengths {
  for (const { form, read } of forms) {
    const match = form.exec(text)
    if (!match) continue
    const numbers = match
      .slice(1)
      .flatMap((group) => group.split(','))
      .map(Number)
    const isInOrder = !text.includes('-') || (numbers[0] ?? 0) <= (numbers[1] ?? 0)
    const [mean = 0, ...rest] = numbers
    const least = text.startsWith('normal:') ? [mean] : [mean, ...rest]
    if (isInOrder && least.every((each) => each >= 1) && numbers.every((each) => each <= mostTokens)) {
      return { text, ...read(numbers) }
    }
  }
  throw new InferloomError(
    'invalid_value',
    `${option} = '${text.slice(0, 60)}' is not a distribution of lengths. It is a number of tokens (200), a range ` +
      `(100-300), normal:200,50 (mean and deviation) or choice:64,512 (each as likely), from 1 to 1,000,000.`,
    { param: option },
  )
}

/** https://en.wikipedia.org/wiki/Box–Muller_transform */
function standardNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
