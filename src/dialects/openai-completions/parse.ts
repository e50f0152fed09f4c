// https://platform.openai.com/docs/api-reference/completions/create
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { Dialect } from '../dialect.ts'
import { errorEvent } from '../openai/error-body.ts'
import { parseBody, sharedParameters, sharedRequest, text } from '../openai/parameters.ts'
import { CompletionWriter } from './render.ts'

const token = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const tokens = z.array(token).min(1)
const mostAnswers = 128

const body = z.object({
  ...sharedParameters,
  prompt: z.union([text, z.array(text).min(1), tokens, z.array(tokens).min(1)]),
  logprobs: z.int().min(0).max(5).optional(),
})

export const openaiCompletions: Dialect = {
  name: 'openai-completions',
  paths: ['/v1/completions'],
  failEvent: errorEvent,
  parse(input) {
    const parsed = parseBody(body, input)
    const { stream, stream_options: options, logprobs, max_tokens: max } = parsed
    const prompts = listOf(parsed.prompt)
    if (prompts.length * parsed.n > mostAnswers) {
      const message = `${prompts.length} prompts with n = ${parsed.n} are more than the ${mostAnswers} answers one request may ask for.`
      throw new InferloomError('invalid_value', message, { param: 'prompt' })
    }
    return {
      stream,
      request: {
        ...sharedRequest(parsed),
        input: { kind: 'text', prompts },
        // OpenAI's default for this endpoint, which clients rely on.
        maxOutputTokens: max ?? 16,
        ...(logprobs !== undefined && { topLogprobs: logprobs }),
      },
      writer: (id) =>
        new CompletionWriter({
          id,
          model: parsed.model,
          logprobs: logprobs !== undefined,
          includeUsage: options?.include_usage ?? false,
        }),
    }
  },
}

function listOf(prompt: z.infer<typeof body>['prompt']): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt]
  return prompt.every((each) => typeof each === 'number') ? [prompt] : prompt
}
