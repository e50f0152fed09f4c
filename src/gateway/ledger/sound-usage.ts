import type { Usage } from '../../canonical/usage.ts'

/** No answer has more tokens of any kind: a number above it is a mistake of whoever counted. */
const mostTokens = 100_000_000

export interface SoundUsage {
  readonly usage: Usage
  /** Names of numbers that cannot be, such as `outputTokens.total`. */
  readonly doubt: readonly string[]
}

const isSound = (value: number) => Number.isInteger(value) && value >= 0 && value <= mostTokens

/** The usage as it came, unless some of its numbers are negative, broken, or beyond what can be: those are left out. */
export function soundUsage(usage: Usage): SoundUsage {
  const { inputTokens, outputTokens } = usage
  // One look for all that is as it should be, which is nearly everything.
  if (allSound(inputTokens) && allSound(outputTokens) && partsFit(usage)) return { usage, doubt: [] }
  const doubt: string[] = []
  const checked = <Tokens extends object>(tokens: Tokens, name: string): Tokens => {
    const kept = Object.entries(tokens).filter(([kind, value]) => {
      if (value === undefined || isSound(value as number)) return true
      doubt.push(`${name}.${kind}`)
      return false
    })
    return Object.fromEntries(kept) as Tokens
  }
  const input = { ...{ total: 0, cacheRead: 0 }, ...checked(inputTokens, 'inputTokens') }
  const output = { ...{ total: 0, reasoning: 0 }, ...checked(outputTokens, 'outputTokens') }
  const numbers = { inputTokens: input, outputTokens: output }
  if (partsFit(numbers)) return { usage: { ...usage, ...numbers }, doubt }
  const read = { ...input, cacheRead: Math.min(input.cacheRead, input.total) }
  const thought = { ...output, reasoning: Math.min(output.reasoning, output.total) }
  if (read.cacheRead < input.cacheRead) doubt.push('inputTokens.cacheRead')
  if (thought.reasoning < output.reasoning) doubt.push('outputTokens.reasoning')
  return { usage: { ...usage, inputTokens: read, outputTokens: thought }, doubt }
}

/** A part that is larger than its whole would make the rest of it less than nothing, and so its price. */
function partsFit({ inputTokens, outputTokens }: Pick<Usage, 'inputTokens' | 'outputTokens'>): boolean {
  return inputTokens.cacheRead <= inputTokens.total && outputTokens.reasoning <= outputTokens.total
}

function allSound(tokens: Usage['inputTokens'] | Usage['outputTokens']): boolean {
  for (const value of Object.values(tokens)) if (value !== undefined && !isSound(value)) return false
  return true
}
