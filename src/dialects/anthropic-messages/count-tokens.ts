// https://platform.claude.com/docs/en/api/messages/count_tokens
import type { GenerateRequest } from '../../canonical/request.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { estimateTokens } from '../token-estimate.ts'
import { readCountBody } from './body.ts'
import { canonicalPrompt } from './canonical-request.ts'
import { errorBody } from './error-body.ts'

interface TokenCount {
  readonly tokens: number
  readonly exact: boolean
}

/** Undefined where the model's provider counts nothing: then it is estimated, and the answer's header says so. */
export const anthropicCountTokens: OneShotDialect<GenerateRequest, TokenCount | undefined> = {
  name: 'anthropic-count-tokens',
  paths: ['/v1/messages/count_tokens'],
  parse(input) {
    const request = canonicalPrompt(readCountBody(input))
    return {
      request,
      write: (_id, count) => JSON.stringify({ input_tokens: count?.tokens ?? estimateTokens(request) }),
      headers: (count) => ({ 'x-inferloom-token-count': count?.exact === true ? 'exact' : 'estimate' }),
    }
  },
  errorBody,
  idHeader: 'request-id',
}
