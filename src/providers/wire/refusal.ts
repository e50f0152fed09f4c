import { errorCatalogue, InferloomError, type ErrorCode } from '../../canonical/errors.ts'
import { retryAfterOf } from './retry-after.ts'
import type { UpstreamRefusal } from './wire.ts'

/** What a provider says of an error in its own shape, whatever that is. */
export interface Complaint {
  readonly message?: string
  /** Its own name for it. */
  readonly code?: string
  /** The field at fault, in the provider's spelling. */
  readonly param?: string
  /** Where the body says when to try again, and not only a header. */
  readonly retryAfterSeconds?: number
}

/** Codes of ours by words of the provider; the first word that is found in its code or message decides. */
export type CodeWords = readonly (readonly [RegExp, ErrorCode])[]

/** What several providers call the same thing, sought in their code first and in their message where that says nothing. */
const commonWords: CodeWords = [
  [
    /context_length|context length|context window|maximum context|too many tokens|prompt is too long|input is too long/i,
    'context_length_exceeded',
  ],
  [/content_filter|content_policy|content management policy|responsibleaipolicy|moderation/i, 'content_filtered'],
  // Not `billing` alone: OpenAI's refusal of too many requests recommends a page of that name.
  [
    /insufficient_quota|billing_hard_limit|credit balance|insufficient (balance|credit|funds)|payment required/i,
    'quota_exceeded',
  ],
  // https://api-docs.deepseek.com/quick_start/error_codes has no status of its own for it.
  [/model_not_found|model not exist|unknown model/i, 'provider_not_found'],
]

/** The one table from an HTTP status to our code. */
export function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'provider_key_refused'
    // DeepSeek, OpenRouter and others: the account has no money. https://api-docs.deepseek.com/quick_start/error_codes
    case 402:
      return 'quota_exceeded'
    case 403:
      return 'provider_permission_denied'
    case 404:
      return 'provider_not_found'
    case 408:
    case 504:
      return 'provider_timeout'
    case 413:
      return 'body_too_large'
    // Bedrock's, of a model that failed: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    case 424:
      return 'provider_failed'
    case 429:
      return 'rate_limited'
    // 498 is Groq's "flex tier capacity exceeded", 529 Anthropic's "overloaded":
    // https://console.groq.com/docs/errors and https://docs.claude.com/en/api/errors
    case 498:
    case 503:
    case 529:
      return 'provider_overloaded'
    default:
      return status >= 400 && status < 500 ? 'provider_refused' : 'provider_failed'
  }
}

/** Statuses under which a provider tells of several things that only its words tell apart. */
const saidInWords = new Set([400, 402, 403, 413, 422, 429])

/** An error of ours from a provider's refusal. `words` are the provider's own, tried before the common ones. */
export function refusalError(refusal: UpstreamRefusal, complaint: Complaint, words: CodeWords = []): InferloomError {
  const { provider, status, headers } = refusal
  const code = byWords(status, complaint, [...words, ...commonWords]) ?? codeOfStatus(status)
  const said = complaint.message ? `: ${shown(complaint.message)}` : ` with status ${status}.`
  const retryAfter = retryAfterOf(headers) ?? complaint.retryAfterSeconds
  const requestId = requestIdOf(headers)
  return new InferloomError(code, `${provider} ${verbs[code] ?? 'refused the request'}${said}`, {
    fault: {
      provider,
      status,
      ...(complaint.code !== undefined && { code: shown(complaint.code).slice(0, 100) }),
      ...(requestId !== undefined && { requestId }),
    },
    ...(complaint.param !== undefined && { param: shown(complaint.param).slice(0, 100) }),
    ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
  })
}

const verbs: Partial<Record<ErrorCode, string>> = {
  provider_key_refused: 'did not accept its key',
  provider_failed: 'failed',
  provider_overloaded: 'is overloaded',
  provider_timeout: 'took too long',
  rate_limited: 'limits how often it may be asked',
  quota_exceeded: 'says that the account is used up',
  content_filtered: 'filtered the request',
}

function byWords(status: number, { code, message }: Complaint, words: CodeWords): ErrorCode | undefined {
  if (!saidInWords.has(status)) return undefined
  // "Too many tokens" is a length with every status but this one.
  const fitting =
    status === 429 ? words.filter(([, ours]) => errorCatalogue[ours].type !== 'invalid_request_error') : words
  for (const said of [code, message]) {
    const found = said === undefined ? undefined : fitting.find(([pattern]) => pattern.test(said))
    if (found) return found[1]
  }
  return undefined
}

const mostShown = 500

/** A provider's words as they may be told: on one line, cut, and without anything that looks like a key. */
export function shown(words: string): string {
  const line = words
    .slice(0, 4 * mostShown)
    .replaceAll(/\s+/g, ' ')
    .trim()
  const clean = line.replaceAll(keyLike, '[key]')
  return clean.length > mostShown ? `${clean.slice(0, mostShown)}…` : clean
}

/**
 * Keys by how providers begin them (sk-, gsk_, AIza, AKIA, hf_, xai-, nvapi-, …), bearer tokens, and long runs that mix
 * letters and digits. OpenAI repeats the key, in part, in its refusal: "Incorrect API key provided: sk-abc***xyz".
 */
const keyLike =
  /\b(?:sk|pk|rk|gsk|xai|nvapi|hf|r8|pplx|csk|fw|tgp|ghp|github_pat)[-_][\w*-]{4,}(?:\.[\w*-]+)*|\bAIza[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{8,}|\bbearer\s+[\w~+/*=-]+(?:\.[\w~+/*=-]+)*|\b(?=\w*\d)(?=\w*[a-zA-Z])[A-Za-z0-9_*]{32,}/gi

/** Providers' names for the id under which their support finds a request. */
const requestIdHeaders = [
  'x-request-id',
  'request-id',
  'apim-request-id',
  'x-amzn-requestid',
  'x-goog-request-id',
  'cf-ray',
]

export function requestIdOf(headers: Readonly<Record<string, string>>): string | undefined {
  const name = requestIdHeaders.find((each) => headers[each] !== undefined)
  return name === undefined ? undefined : headers[name]?.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 200)
}
