import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamReply } from '../transport/exchange.ts'
import { UnreadableStream } from '../transport/unreadable-stream.ts'
import { wholeBody } from '../transport/whole-body.ts'

/** What of an answer's form is known from its headers. */
export type BodyKind = 'json' | 'server-sent-events' | 'aws-event-stream'

/** A web page, a login form or nothing at all is no answer, whatever its status; some servers name no type. */
export function bodyKind({ headers, status }: UpstreamReply, asked: BodyKind, provider: string): BodyKind {
  const type = headers['content-type'] ?? ''
  if (/^application\/([\w.+-]*\+)?json\b/i.test(type)) return 'json'
  if (/^text\/event-stream\b/i.test(type)) return 'server-sent-events'
  if (/^application\/vnd\.amazon\.eventstream\b/i.test(type)) return 'aws-event-stream'
  if (type === '' || /^(text\/plain|application\/octet-stream)\b/i.test(type)) return asked
  const message = `${provider} answered with ${type.slice(0, 60)}, not with ${asked}. Remedy: check the provider's baseUrl.`
  throw new InferloomError('provider_invalid_reply', message, { fault: { provider, status } })
}

/** The body as JSON. Throws `provider_invalid_reply` where it is something else. */
export async function jsonBody(reply: UpstreamReply, provider: string): Promise<unknown> {
  const body = await checkedBody(reply, provider)
  return understood(provider, () => JSON.parse(body.toString()) as unknown)
}

/** The body, where its headers say it is JSON. */
async function checkedBody(reply: UpstreamReply, provider: string): Promise<Buffer> {
  try {
    if (bodyKind(reply, 'json', provider) !== 'json') throw new UnreadableStream('a stream where none was asked for')
    return await wholeBody(reply)
  } catch (error) {
    reply.cancel()
    throw error instanceof UnreadableStream ? faultOf(error, provider) : error
  }
}

/** What a wire cannot understand is the provider's fault, and says whose. */
export async function understood<T>(provider: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw faultOf(error, provider)
  }
}

/** An error of reading an answer, with the name of the provider that sent it. */
export function faultOf(error: unknown, provider: string): unknown {
  if (error instanceof InferloomError) {
    if (error.fault) return error
    const { param, retryAfterSeconds, cause } = error
    return new InferloomError(error.code, error.message, {
      fault: { provider },
      cause,
      ...(param !== undefined && { param }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    })
  }
  if (!(error instanceof UnreadableStream || error instanceof SyntaxError || error instanceof TypeError)) return error
  const what = error instanceof UnreadableStream ? error.message : 'something that is not an answer of its wire'
  const message = `${provider} sent ${what}. Remedy: try again; check the provider's baseUrl.`
  return new InferloomError('provider_invalid_reply', message, { fault: { provider }, cause: error })
}
