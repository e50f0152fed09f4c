// https://developers.google.com/identity/protocols/oauth2/service-account#httprest
import { z } from 'zod'
import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamTimeouts } from '../transport/exchange.ts'
import { UpstreamClient, type UpstreamRequest } from '../transport/upstream-client.ts'
import { beginningOf } from '../transport/whole-body.ts'
import { openaiComplaint } from './wire/openai-refusal.ts'
import { codeOfStatus, shown } from './wire/refusal.ts'

const timeouts: UpstreamTimeouts = { connect: 10, firstByte: 20, idle: 20, total: 30 }
const largestReply = 64 * 1024
/** A token is replaced so many milliseconds before it ends, so that none ends on its way. */
const margin = 300_000

const reply = z.object({ access_token: z.string().regex(/^[\x21-\x7e]+$/), expires_in: z.number().min(0) })

/** A token that ends and is fetched again shortly before that, once for all requests that wait for it. */
export class GoogleToken {
  readonly #provider: string
  readonly #request: () => UpstreamRequest
  #token: { readonly value: string; readonly until: number } | undefined
  #fetching: Promise<string> | undefined

  /** `request` makes the one that is answered with a token; it is called anew for each. */
  constructor(provider: string, request: () => UpstreamRequest) {
    this.#provider = provider
    this.#request = request
  }

  async value(): Promise<string> {
    if (this.#token && Date.now() < this.#token.until) return this.#token.value
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined))
    return this.#fetching
  }

  async #fetch(): Promise<string> {
    // A connection an hour needs none that are kept.
    const client = new UpstreamClient(`the token service of ${this.#provider}`, timeouts)
    try {
      const { status, body } = await this.#ask(client)
      const parsed = status === 200 ? reply.safeParse(body).data : undefined
      if (!parsed) throw this.#refusal(status, body)
      const { access_token: value, expires_in: seconds } = parsed
      this.#token = { value, until: Date.now() + Math.max(seconds * 1000 - margin, 0) }
      return value
    } finally {
      await client.close()
    }
  }

  async #ask(client: UpstreamClient): Promise<{ status: number; body: unknown }> {
    const answer = await client.send(this.#request(), new AbortController().signal)
    const text = await beginningOf(answer, largestReply)
    try {
      return { status: answer.status, body: JSON.parse(text) }
    } catch {
      return { status: answer.status, body: undefined }
    }
  }

  /** `{error, error_description}`: https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
  #refusal(status: number, body: unknown): InferloomError {
    const provider = this.#provider
    const { message = 'it said nothing' } = openaiComplaint(body)
    const code =
      status === 400 ? 'provider_key_refused' : status < 400 ? 'provider_invalid_reply' : codeOfStatus(status)
    return new InferloomError(
      code,
      `${provider}'s token service gave no token (status ${status}): ${shown(message)}. Remedy: check the credentials.`,
      { fault: { provider, status } },
    )
  }
}
