/**
 * Headers of limits, however a provider spells the rest of the name: `x-ratelimit-…` (OpenAI, Groq, Mistral, Azure),
 * `anthropic-ratelimit-…`, `ratelimit` and `ratelimit-policy`
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/), `retry-after` and `retry-after-ms`.
 */
const name = /rate-?limit|^retry-after/

/** More than any provider sends. */
const mostHeaders = 40
const mostValueLength = 200

/** Those headers of an answer that say what its provider's limits leave; undefined where there are none. */
export function limitHeadersOf(headers: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  let limits: Record<string, string> | undefined
  let count = 0
  for (const header in headers) {
    if (!name.test(header) || count === mostHeaders) continue
    const value = headers[header]
    if (typeof value !== 'string') continue
    limits ??= {}
    limits[header] = value.slice(0, mostValueLength)
    count++
  }
  return limits
}
