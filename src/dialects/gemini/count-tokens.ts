// https://ai.google.dev/api/tokens#method:-models.counttokens
import type { GenerateRequest } from '../../canonical/request.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { isRecord } from '../parse-body.ts'
import { estimateTokens } from '../token-estimate.ts'
import { readRequest } from './body.ts'
import { errorBody } from './error-body.ts'
import { plainModel } from './models.ts'

interface TokenCount {
  readonly tokens: number
  readonly exact: boolean
}

/** Undefined where the model's provider counts nothing: then it is estimated, and the answer's header says so. */
export const geminiCountTokens: OneShotDialect<GenerateRequest, TokenCount | undefined> = {
  name: 'gemini-count-tokens',
  paths: ['v1beta', 'v1'].map((version) => `/${version}/models/*:countTokens`),
  parse(body, { model = '' }) {
    const request = readRequest(requestIn(body), plainModel(model))
    return {
      request,
      write: (_id, count) => JSON.stringify({ totalTokens: count?.tokens ?? estimateTokens(request) }),
      headers: (count) => ({ 'x-inferloom-token-count': count?.exact === true ? 'exact' : 'estimate' }),
    }
  },
  errorBody,
}

/** Either `contents` alone, or a whole request that is to be counted with its instructions and tools. */
function requestIn(body: unknown): unknown {
  if (!isRecord(body)) return body
  return body['generateContentRequest'] ?? body['generate_content_request'] ?? body
}
