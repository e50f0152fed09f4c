import type { Usage } from '../../canonical/usage.ts'

/** No answer has more tokens of any kind: a number above it is a mistake of whoever counted. */
const mostTokens = 100_000_000

export interface SoundUsage {
  readonly usage: Usage
  /** Names of numbers that cannot be, such as `outputTokens.total`. */
  readonly doubt: readonly string[]
}

/** Names that a mark holds. */
const mostNamed = 8

type Fields = Readonly<Record<string, unknown>>

const noInput = { total: 0, cacheRead: 0 }
const noOutput = { total: 0, reasoning: 0 }

const isSound = (value: number) => Number.isInteger(value) && value >= 0 && value <= mostTokens

/** The usage as it came, unless some of its numbers are negative, broken, or beyond what can be: those are left out. */
export function soundUsage(usage: Usage): SoundUsage {
  const { inputTokens, outputTokens } = usage
  // One look for all that is as it should be, which is nearly everything.
  const misread = unsoundIn(usage.raw)
  if (misread.length === 0 && allSound(inputTokens) && allSound(outputTokens) && partsFit(usage)) {
    return { usage, doubt: [] }
  }
  const doubt: string[] = misread
  // A number that its reader refused stands here as none at all.
  if (misread.length > 0 && inputTokens.total === 0) doubt.push('inputTokens.total')
  if (misread.length > 0 && outputTokens.total === 0) doubt.push('outputTokens.total')
  const checked = <Tokens extends object>(tokens: Tokens, name: string): Tokens => {
    const kept = Object.entries(tokens).filter(([kind, value]) => {
      if (value === undefined || isSound(value as number)) return true
      doubt.push(`${name}.${kind}`)
      return false
    })
    return Object.fromEntries(kept) as Tokens
  }
  const input = { ...noInput, ...checked(inputTokens, 'inputTokens') }
  const output = { ...noOutput, ...checked(outputTokens, 'outputTokens') }
  const numbers = { inputTokens: input, outputTokens: output }
  if (partsFit(numbers)) return { usage: { ...usage, ...numbers }, doubt }
  const read = { ...input, cacheRead: Math.min(input.cacheRead, input.total) }
  const thought = { ...output, reasoning: Math.min(output.reasoning, output.total) }
  if (read.cacheRead < input.cacheRead) doubt.push('inputTokens.cacheRead')
  if (thought.reasoning < output.reasoning) doubt.push('outputTokens.reasoning')
  return { usage: { ...usage, inputTokens: read, outputTokens: thought }, doubt }
}

/** Names of numbers of tokens, in what the provider wrote, that cannot be. */
function unsoundIn(raw: unknown): string[] {
  if (typeof raw !== 'object' || raw === null) return []
  const found: string[] = []
  // `for … in` takes what `JSON.parse` made as it is: it has nothing that is not its own.
  for (const name in raw) {
    const value = (raw as Fields)[name]
    if (isUnsoundCount(name, value)) found.push(name)
    else if (typeof value === 'object' && value !== null) {
      for (const detail in value) if (isUnsoundCount(detail, (value as Fields)[detail])) found.push(`${name}.${detail}`)
    }
  }
  return found.length === 0 ? found : found.slice(0, mostNamed).map((name) => name.slice(0, 60))
}

function isUnsoundCount(name: string, value: unknown): boolean {
  return typeof value === 'number' && !isSound(value) && /tokens|count/i.test(name)
}

/** A part that is larger than its whole would make the rest of it less than nothing, and so its price. */
function partsFit({ inputTokens, outputTokens }: Pick<Usage, 'inputTokens' | 'outputTokens'>): boolean {
  return inputTokens.cacheRead <= inputTokens.total && outputTokens.reasoning <= outputTokens.total
}

function allSound(tokens: Usage['inputTokens'] | Usage['outputTokens']): boolean {
  for (const kind in tokens) {
    const value = (tokens as Fields)[kind]
    if (value !== undefined && !isSound(value as number)) return false
  }
  return true
}
