// https://platform.claude.com/docs/en/about-claude/models/overview
import type { GenerateRequest } from '../../canonical/request.ts'
import { budgetOf } from './thinking-budget.ts'
import { unsupported } from './unsupported.ts'

type Effort = NonNullable<GenerateRequest['reasoningEffort']>
type Fields = Readonly<Record<string, unknown>>

interface ModelFamily {
  /** Found in a model's id: `claude-sonnet-4-5-20250929`. */
  readonly ids: RegExp
  /** The most that `max_tokens` may be. */
  readonly maxTokens: number
  /** How it is told to think; absent where it cannot. */
  readonly thinks?: 'adaptive' | 'budget'
  /** Words that `output_config.effort` may be; absent where there is no such field. */
  readonly efforts?: readonly string[]
  /** Whether it still takes `budget_tokens` where it is adaptive. */
  readonly takesBudget?: boolean
}

const levels = ['low', 'medium', 'high']

const families: readonly ModelFamily[] = [
  { ids: /claude-3-(?:opus|sonnet|haiku)/, maxTokens: 4096 },
  { ids: /claude-3-5/, maxTokens: 8192 },
  { ids: /claude-3-7/, maxTokens: 64_000, thinks: 'budget' },
  { ids: /claude-opus-4(?:-[01]\b|-\d{8}|$)/, maxTokens: 32_000, thinks: 'budget' },
  // https://platform.claude.com/docs/en/build-with-claude/effort
  { ids: /claude-opus-4-5/, maxTokens: 64_000, thinks: 'budget', efforts: levels },
  { ids: /claude-[a-z]+-4(?:-[0-5]\b|-\d{8}|$)/, maxTokens: 64_000, thinks: 'budget' },
  // https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
  { ids: /claude-[a-z]+-4-6/, maxTokens: 64_000, thinks: 'adaptive', efforts: levels, takesBudget: true },
  { ids: /claude-/, maxTokens: 64_000, thinks: 'adaptive', efforts: [...levels, 'xhigh'] },
]

/** Others than Anthropic speak this wire too; the budget is the form that they know. */
const other: ModelFamily = { ids: /$/, maxTokens: 8192, thinks: 'budget' }

function familyOf(model: string): ModelFamily {
  return families.find(({ ids }) => ids.test(model)) ?? other
}

/**
 * `max_tokens` has to be sent: where a client leaves it open, it is the most that its model is documented to take, or
 * what every model of its age takes. It costs nothing: https://platform.claude.com/docs/en/api/rate-limits
 */
export function maxTokensOf({ model, maxOutputTokens }: GenerateRequest): number {
  return maxOutputTokens ?? familyOf(model).maxTokens
}

/** `thinking` and the effort that goes with it: https://platform.claude.com/docs/en/build-with-claude/extended-thinking */
export function thinkingOf(request: GenerateRequest, provider: string): { thinking?: Fields; effort?: string } {
  const { model, reasoningEffort: effort, reasoningTokens: tokens, showReasoning, verbosity } = request
  const family = familyOf(model)
  const told = verbosity === undefined ? {} : { effort: effortWord(family, verbosity, 'verbosity', provider) }
  // A number of tokens says more than a word for it.
  if (tokens !== undefined) return { ...told, ...byTokens(request, family, tokens, provider) }
  if (effort === undefined) {
    const thinking = showReasoning === true && family.thinks === 'adaptive' ? adaptive(showReasoning) : undefined
    return { ...told, ...(thinking && { thinking }) }
  }
  if (effort === 'none') return { ...told, ...(family.thinks && { thinking: { type: 'disabled' } }) }
  if (!family.thinks) throw unsupported('reasoning_effort', provider)
  if (family.thinks === 'budget')
    return { ...told, thinking: enabled(request, budgetWithin(request, effort, provider)) }
  const word = effortWord(family, effort === 'minimal' ? 'low' : effort, 'reasoning_effort', provider)
  // One field says both.
  if (told.effort !== undefined && told.effort !== word) {
    throw unsupported('verbosity beside another reasoning_effort', provider, 'send one of them')
  }
  return { thinking: adaptive(showReasoning), effort: word }
}

function byTokens(request: GenerateRequest, family: ModelFamily, tokens: number, provider: string) {
  if (tokens === 0) return family.thinks ? { thinking: { type: 'disabled' } } : {}
  if (!family.thinks) throw unsupported('reasoning_tokens', provider)
  if (family.thinks === 'adaptive' && family.takesBudget !== true) {
    throw unsupported('reasoning_tokens', provider, 'send reasoning_effort instead')
  }
  return { thinking: enabled(request, tokens) }
}

/** How the thoughts come where nothing is said depends on the model; only what was asked for is sent. */
function adaptive(show: boolean | undefined): Fields {
  if (show === undefined) return { type: 'adaptive' }
  return { type: 'adaptive', display: show ? 'summarized' : 'omitted' }
}

function enabled({ showReasoning }: GenerateRequest, tokens: number): Fields {
  return { type: 'enabled', budget_tokens: tokens, ...(showReasoning === false && { display: 'omitted' }) }
}

const fewest = 1024

/** The budget is part of `max_tokens` and below it; a word leaves room to make it fit. */
function budgetWithin(request: GenerateRequest, effort: Effort, provider: string): number {
  const room = maxTokensOf(request) - 1
  if (room >= fewest) return Math.min(budgetOf(effort), room)
  throw unsupported(`reasoning_effort within so few tokens`, provider, `raise max_tokens above ${fewest}`)
}

function effortWord({ efforts = [] }: ModelFamily, word: string, field: string, provider: string): string {
  if (efforts.includes(word)) return word
  const remedy = efforts.length > 0 ? `send one of ${efforts.join(', ')}` : `leave ${field} out`
  throw unsupported(`${field} = "${word}"`, provider, remedy)
}
