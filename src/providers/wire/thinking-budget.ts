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

/**
 * The request with a word in place of a number of tokens, for wires that only have words: whoever sets a budget, as
 * coding agents do with every request, would otherwise be refused by most models.
 */
export function thinkingInWords(request: GenerateRequest): GenerateRequest {
  const { reasoningTokens: tokens, ...rest } = request
  return tokens === undefined ? request : { ...rest, reasoningEffort: rest.reasoningEffort ?? wordFor(tokens) }
}

/** The one of the words that all of them have whose budget is nearest. */
function wordFor(tokens: number): Effort {
  if (tokens === 0) return 'none'
  return tokens <= 4096 ? 'low' : tokens <= 12_288 ? 'medium' : 'high'
}

export function budgetOf(effort: Effort): number {
  return budgets[effort]
}
