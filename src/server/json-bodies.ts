import { isAscii, isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it was sent, for those who pass it on; empty where there is none. */
    text: string
    /** A form with files, where the endpoint takes such; nobody has read it. */
    form: { readonly bytes: Buffer; readonly type: string } | undefined
  }
  interface FastifyContextConfig {
    takesForms?: true
  }
}

/** Whatever content type a client names, these endpoints take JSON: `curl -d` names the one of web forms. */
export function readBodiesAsJson(app: FastifyInstance): void {
  app.decorateRequest('text', '')
  app.decorateRequest('form', undefined)
  app.removeAllContentTypeParsers()
  // Fastify remembers who parses a type it was told of, and finds out again each time for all the others.
  app.addContentTypeParser(['application/json', '*'], { parseAs: 'buffer' }, (request, body, done) => {
    const type = request.headers['content-type'] ?? ''
    // Asked last: Fastify makes a description of the route for it.
    if (/^multipart\/form-data\b/i.test(type) && request.routeOptions.config.takesForms) {
      request.form = { bytes: body as Buffer, type }
      return done(null)
    }
    const text = decoded(body as Buffer)
    if (text === undefined) return done(new InferloomError('invalid_utf8', 'The request body is not valid UTF-8.'))
    request.text = text
    try {
      return done(null, JSON.parse(text))
    } catch (error) {
      const reason = error instanceof Error ? error.message.slice(0, 200) : ''
      return done(new InferloomError('invalid_json', `The request body is not JSON: ${reason}`))
    }
  })
}

/** Undefined where it is no UTF-8. Most bodies are ASCII, which is there already. */
function decoded(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text
}

const byteOrderMark = 0xfeff
