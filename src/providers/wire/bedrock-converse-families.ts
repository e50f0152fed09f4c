// What Converse has no field of its own for goes to the model as `additionalModelRequestFields`, in the model's words:
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
import type { GenerateRequest } from '../../canonical/request.ts'
import { budgetOf } from './thinking-budget.ts'

type Effort = NonNullable<GenerateRequest['reasoningEffort']>
type ModelFields = Readonly<Record<string, unknown>>

export interface ModelFamily {
  /** Found in a model id, an inference profile's id or an ARN: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. */
  readonly ids: RegExp
  readonly topK?: (topK: number) => ModelFields
  /** Undefined for an effort that the model does not know. */
  readonly effort?: (effort: Effort) => ModelFields | undefined
  readonly thinkingTokens?: (tokens: number) => ModelFields
  /** Where in the model's own answer it says which stop string ended it, streamed and whole. */
  readonly stopStringPaths?: readonly string[]
}

const thinking = (tokens: number): ModelFields =>
  tokens === 0 ? { thinking: { type: 'disabled' } } : { thinking: { type: 'enabled', budget_tokens: tokens } }

const claude = {
  topK: (topK: number) => ({ top_k: topK }),
  stopStringPaths: ['/delta/stop_sequence', '/stop_sequence'],
}

const families: readonly ModelFamily[] = [
  {
    // They judge for themselves how much to think: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
    ids: /anthropic\.claude-(?:[a-z]+-4-[6-9]|[a-z]+-[5-9])/,
    ...claude,
    effort: (effort) => {
      if (effort === 'none') return thinking(0)
      const level = effort === 'minimal' ? 'low' : effort
      return { thinking: { type: 'adaptive' }, output_config: { effort: level } }
    },
    thinkingTokens: thinking,
  },
  {
    // https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
    ids: /anthropic\.claude-(?:3-7|[a-z]+-4)/,
    ...claude,
    effort: (effort) => thinking(budgetOf(effort)),
    thinkingTokens: thinking,
  },
  { ids: /anthropic\.claude/, ...claude },
  {
    // https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
    ids: /amazon\.nova-2/,
    topK: (topK) => ({ inferenceConfig: { topK } }),
    effort: (effort) => {
      if (effort === 'none') return { reasoningConfig: { type: 'disabled' } }
      if (effort !== 'low' && effort !== 'medium' && effort !== 'high') return undefined
      return { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } }
    },
  },
  // https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
  { ids: /amazon\.nova/, topK: (topK) => ({ inferenceConfig: { topK } }) },
  {
    // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html
    ids: /openai\.gpt-oss/,
    effort: (effort) =>
      effort === 'low' || effort === 'medium' || effort === 'high' ? { reasoning_effort: effort } : undefined,
  },
]

const unknown: ModelFamily = { ids: /$/ }

export function familyOf(model: string): ModelFamily {
  return families.find(({ ids }) => ids.test(model)) ?? unknown
}
