import type { GenerateRequest } from '../../canonical/request.ts'

type Effort = NonNullable<GenerateRequest['reasoningEffort']>

/** Tokens of thought for models that count them where the client said a word; 1024 is the fewest that some of them take. */
const budgets: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
}

/** A number that the client gave says more than a word for it. Absent where it said neither; 0 is no thought at all. */
export function thinkingBudget({ reasoningEffort, reasoningTokens }: GenerateRequest): number | undefined {
  return reasoningTokens ?? (reasoningEffort && budgets[reasoningEffort])
}

export function budgetOf(effort: Effort): number {
  return budgets[effort]
}
