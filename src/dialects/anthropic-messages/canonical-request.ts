import type { GenerateRequest, Message, ResponseFormat } from '../../canonical/request.ts'
import type { CountBody, MessagesBody } from './body.ts'
import { cacheMark } from './content.ts'
import { canonicalMessages, marked, systemMessage } from './messages.ts'
import { refused } from './refused.ts'
import { canonicalTools } from './tools.ts'

export function canonicalRequest(body: MessagesBody): GenerateRequest {
  const { temperature, top_p: topP, top_k: topK, metadata } = body
  return {
    ...canonicalPrompt(body),
    maxOutputTokens: body.max_tokens,
    stop: body.stop_sequences,
    sampling: {
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { topP }),
      ...(topK !== undefined && { topK }),
    },
    ...(metadata?.user_id !== undefined && { endUser: metadata.user_id }),
    // `auto` is whatever the account has: https://platform.claude.com/docs/en/api/service-tiers
    ...(body.service_tier === 'standard_only' && { serviceTier: 'default' }),
  }
}

/** What decides how long a prompt is. */
export function canonicalPrompt(body: CountBody): GenerateRequest {
  const format = formatOf(body)
  return {
    model: body.model,
    input: { kind: 'chat', messages: messagesOf(body) },
    n: 1,
    stop: [],
    sampling: {},
    ...canonicalTools(body),
    ...thinkingOf(body),
    ...(format && { responseFormat: format }),
  }
}

function messagesOf({ system, messages, cache_control: control }: CountBody): Message[] {
  const all = messages.flatMap(canonicalMessages)
  const last = all.at(-1)
  // A mark on the whole request is one on its last block.
  if (control && last) all[all.length - 1] = { ...last, content: marked(last.content, cacheMark(control)) }
  return system === undefined ? all : [systemMessage(system), ...all]
}

type Thinking = Pick<GenerateRequest, 'reasoningEffort' | 'reasoningTokens' | 'showReasoning' | 'verbosity'>

/**
 * https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking and …/effort: how much to think is the
 * model's to decide where it is `adaptive`, which is what an absent effort says here.
 */
function thinkingOf({ thinking, output_config: config }: CountBody): Thinking {
  const effort = config?.effort
  switch (thinking?.type) {
    case 'disabled': {
      if (effort === 'xhigh')
        throw refused('output_config.effort', effort, 'use high or less where thinking is disabled')
      return { reasoningEffort: 'none', ...(effort && { verbosity: effort }) }
    }
    case 'enabled':
      if (effort === 'xhigh') throw refused('output_config.effort', effort, 'use high or less beside budget_tokens')
      return {
        reasoningTokens: thinking.budget_tokens,
        showReasoning: thinking.display !== 'omitted',
        ...(effort && { verbosity: effort }),
      }
    case 'adaptive':
      return { showReasoning: thinking.display !== 'omitted', ...(effort && { reasoningEffort: effort }) }
    case undefined:
      return effort ? { reasoningEffort: effort } : {}
  }
}

function formatOf({ output_config: config, output_format: older }: CountBody): ResponseFormat | undefined {
  const format = config?.format ?? older
  return format && { type: 'json-schema', name: 'answer', schema: format.schema, strict: true }
}
