import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamReply } from '../transport/exchange.ts'
import type { UpstreamClient } from '../transport/upstream-client.ts'
import { beginningOf } from '../transport/whole-body.ts'
import { version } from '../version.ts'
import type { Addresses } from './addresses.ts'
import type { UnsignedRequest } from './remote-provider.ts'
import type { UpstreamRefusal } from './wire/wire.ts'

/** Whom to ask, and how to say who asks. */
export interface Upstream {
  readonly name: string
  readonly addresses: Addresses
  readonly client: UpstreamClient
  readonly authorize: (request: UnsignedRequest) => UnsignedRequest | Promise<UnsignedRequest>
}

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly accept: string
  readonly refusal: (refusal: UpstreamRefusal) => InferloomError
}

const refusalBytes = 64 * 1024

/** Headers that a wire never has to set: they say who asks, whom, or how the message travels. */
const notForWires =
  /^(authorization|proxy-.*|cookie|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|accept-encoding)$/

/** Sends one request; resolves when the provider says yes, and throws what it said otherwise. */
export async function ask(upstream: Upstream, question: Question, signal: AbortSignal): Promise<UpstreamReply> {
  const { name: provider } = upstream
  const signed = upstream.authorize(unsigned(upstream, question))
  const request = signed instanceof Promise ? await signed : signed
  if (!upstream.addresses.isHere(request.url)) {
    throw new InferloomError('internal_error', `A request for ${provider} was signed for another host.`)
  }
  const reply = await upstream.client.send(request, signal)
  const { status, headers } = reply
  if (status >= 300 && status < 400) {
    reply.cancel()
    const target = hostOf(headers['location'], request.url)
    const message = `${provider} redirects to ${target} (status ${status}), which is not followed: its key must not travel to another address. Remedy: check the provider's baseUrl.`
    throw new InferloomError('provider_invalid_reply', message, { fault: { provider, status } })
  }
  if (status < 200 || status >= 300) {
    throw question.refusal({ provider, status, headers, body: await refusalBody(reply) })
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    reply.cancel()
    const message = `${provider} answered with content-encoding '${encoding.slice(0, 40)}', which it was asked not to use. Remedy: check the provider's baseUrl, and any proxy before it.`
    throw new InferloomError('provider_invalid_reply', message, { fault: { provider, status } })
  }
  return reply
}

function unsigned({ name, addresses }: Upstream, question: Question): UnsignedRequest {
  const { method, path, body, accept } = question
  const url = addresses.at(path)
  if (!url) throw new InferloomError('invalid_value', `model cannot be named so at ${name}.`, { param: 'model' })
  const headers: Record<string, string> = {
    accept,
    'accept-encoding': 'identity',
    'user-agent': `inferloom/${version}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  for (const header in question.headers) {
    const value = question.headers[header]
    if (value === undefined || notForWires.test(header)) continue
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      const message = `Header '${header}' holds characters that a header cannot have. Remedy: leave them out.`
      throw new InferloomError('invalid_value', message, { param: header })
    }
    headers[header] = value
  }
  return { method, url, headers, ...(body !== undefined && { body }) }
}

/** Where a refusal breaks off, what came of it still says why. */
async function refusalBody(reply: UpstreamReply): Promise<string> {
  try {
    return await beginningOf(reply, refusalBytes)
  } catch (error) {
    if (error instanceof InferloomError) return ''
    throw error
  }
}

/** Not the whole address: it may hold a token. */
function hostOf(location: string | undefined, base: URL): string {
  const url = location === undefined ? null : URL.parse(location, base.href)
  return url ? `${url.protocol}//${url.host}` : 'nowhere'
}
