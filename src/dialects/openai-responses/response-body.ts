// https://developers.openai.com/api/reference/resources/responses (the Response object)
import type { FinishReason, TokenLogprob, TokenLogprobs } from '../../canonical/events.ts'
import { costMembers, type Usage } from '../../canonical/usage.ts'
import type { ResponsesBody } from './body.ts'
import { isHabitual } from './hosted-tools.ts'

/** What an answer repeats of its request, in OpenAI's order. */
export interface Echo {
  readonly model: string
  readonly [field: string]: unknown
}

export function echoOf(body: ResponsesBody, store: boolean): Echo {
  const { reasoning, text } = body
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    model: body.model,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    prompt_cache_retention: null,
    reasoning: {
      effort: reasoning?.effort ?? null,
      summary: reasoning?.summary ?? reasoning?.generate_summary ?? null,
    },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: tierOf(body.service_tier),
    store,
    // Where they are left open the model's own take effect, whatever they are.
    temperature: body.temperature ?? null,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? null },
    tool_choice: body.tool_choice ?? 'auto',
    // Those that the model was shown.
    tools: body.tools.flatMap((tool) => {
      if (isHabitual(tool.type)) return []
      return [tool.type === 'function' ? { description: null, parameters: null, strict: null, ...tool } : tool]
    }),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? null,
    truncation: 'disabled',
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  }
}

function tierOf(tier: ResponsesBody['service_tier']): string {
  if (tier === undefined || tier === 'auto') return 'default'
  return tier === 'fast' ? 'priority' : tier
}

export function usageBody({ inputTokens, outputTokens, cost }: Usage) {
  return {
    input_tokens: inputTokens.total,
    input_tokens_details: {
      cached_tokens: inputTokens.cacheRead,
      ...(inputTokens.cacheWrite !== undefined && { cache_write_tokens: inputTokens.cacheWrite }),
    },
    output_tokens: outputTokens.total,
    output_tokens_details: { reasoning_tokens: outputTokens.reasoning },
    total_tokens: inputTokens.total + outputTokens.total,
    ...costMembers(cost),
  }
}

/** Why an answer is not complete; undefined where it is. */
export function incompleteReason(reason: FinishReason): string | undefined {
  if (reason === 'length') return 'max_output_tokens'
  return reason === 'content-filter' ? 'content_filter' : undefined
}

export function logprobBody({ token, logprob, bytes, top }: TokenLogprobs) {
  return { token, bytes, logprob, top_logprobs: top.map(alternative) }
}

function alternative({ token, bytes, logprob }: TokenLogprob) {
  return { token, bytes, logprob }
}
