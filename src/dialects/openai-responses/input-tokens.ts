// https://developers.openai.com/api/reference/resources/responses/subresources/input_tokens/methods/count
import type { GenerateRequest } from '../../canonical/request.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { estimateTokens } from '../token-estimate.ts'
import { recall, refersToOwn, type Archive, type Recalled } from './archive.ts'
import { readBody } from './body.ts'
import { leftOutHeader } from './hosted-tools.ts'
import { canonicalResponse } from './parse.ts'

interface TokenCount {
  readonly tokens: number
  readonly exact: boolean
}

/** Undefined where the model's provider counts nothing: then it is estimated, and the answer's header says so. */
export function openaiInputTokens(archive?: Archive): OneShotDialect<GenerateRequest, TokenCount | undefined> {
  return {
    name: 'openai-input-tokens',
    paths: ['/v1/responses/input_tokens'],
    relayable: (body) => !refersToOwn(body),
    recall: (body, owner) => recall(body, owner, archive),
    parse(body, _params, recalled) {
      const { request, leftOut } = canonicalResponse(readBody(body), recalled as Recalled | undefined)
      return {
        request,
        write: (_id, count) =>
          JSON.stringify({ object: 'response.input_tokens', input_tokens: count?.tokens ?? estimateTokens(request) }),
        headers: (count) => ({
          'x-inferloom-token-count': count?.exact === true ? 'exact' : 'estimate',
          ...leftOutHeader(leftOut),
        }),
      }
    },
  }
}
