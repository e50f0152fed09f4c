/** No wait that a provider asks for is believed beyond a day. */
const longest = 86_400

/**
 * Seconds after which a provider wants to be asked again: `retry-after-ms`, or `retry-after` as seconds or as a date.
 * A date is compared with the answer's own `date`, so that a clock that is wrong, here or there, changes nothing.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfterOf(headers: Readonly<Record<string, string>>): number | undefined {
  // OpenAI's and Azure's finer form: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota
  const milliseconds = numberOf(headers['retry-after-ms'])
  if (milliseconds !== undefined) return bounded(milliseconds / 1000)
  const given = headers['retry-after']
  if (given === undefined) return undefined
  const seconds = numberOf(given)
  if (seconds !== undefined) return bounded(seconds)
  const until = Date.parse(given)
  if (Number.isNaN(until)) return undefined
  const now = Date.parse(headers['date'] ?? '')
  return bounded((until - (Number.isNaN(now) ? Date.now() : now)) / 1000)
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(\.\d{1,15})?$/.test(text.trim()) ? Number(text) : undefined
}

function bounded(seconds: number): number {
  return Math.min(Math.max(seconds, 0), longest)
}
