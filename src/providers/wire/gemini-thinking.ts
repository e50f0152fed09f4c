// https://ai.google.dev/gemini-api/docs/thinking
import type { GenerateRequest } from '../../canonical/request.ts'
import { unsupported } from './unsupported.ts'

type Effort = NonNullable<GenerateRequest['reasoningEffort']>

/** Google's own table from words to tokens: https://ai.google.dev/gemini-api/docs/openai#thinking */
const budgets: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
}

/** Models up to 2.5 count thoughts in tokens, later ones have levels; a name without a number is that of a later one. */
export function countsThoughts(model: string): boolean {
  return /gemini-[12]\b|gemma|learnlm/.test(model)
}

/** Empty where the request leaves it to the model. The two ways to say it exclude each other. */
export function thinkingConfig(request: GenerateRequest, provider: string): Readonly<Record<string, unknown>> {
  const { model, reasoningEffort: effort, reasoningTokens: tokens, showReasoning } = request
  const shown = showReasoning === true ? { includeThoughts: true } : {}
  if (tokens !== undefined) return { ...shown, thinkingBudget: tokens }
  if (effort === undefined) return shown
  if (countsThoughts(model)) return { ...shown, thinkingBudget: budgets[effort] }
  // https://ai.google.dev/gemini-api/docs/openai#thinking: it cannot be turned off, and Pro models begin at low.
  if (effort === 'none') throw unsupported('reasoning_effort = "none"', provider, 'send minimal')
  return { ...shown, thinkingLevel: effort === 'minimal' && model.includes('pro') ? 'LOW' : effort.toUpperCase() }
}
