import { InferloomError } from '../../canonical/errors.ts'

export interface InlineData {
  readonly mediaType: string
  readonly base64: string
}

const form = /^data:([a-z0-9.+-]+\/[a-z0-9.+-]+)(?:;[^,;]+)*;base64,/i

/** Takes `data:image/png;base64,…` apart, for wires that take bytes alone; any other URL is refused by its field. */
export function inlineData(url: string, param: string, provider: string): InlineData {
  // Only the beginning is matched: the rest may be megabytes.
  const match = form.exec(url.slice(0, 200))
  if (match?.[1] !== undefined) return { mediaType: match[1].toLowerCase(), base64: url.slice(match[0].length) }
  const what = url.startsWith('data:') ? 'a data: URL that is not base64' : 'an address to fetch from'
  const message = `${param} is ${what}, and the provider '${provider}' takes bytes. Remedy: send it as data:<media type>;base64,….`
  throw new InferloomError('unsupported_parameter', message, { param })
}
