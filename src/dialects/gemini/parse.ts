// https://ai.google.dev/api/generate-content
import type { Address, Dialect } from '../dialect.ts'
import { isRecord } from '../parse-body.ts'
import { readRequest } from './body.ts'
import { errorBody } from './error-body.ts'
import { plainModel } from './models.ts'
import { GeminiWriter } from './render.ts'
import { isPacked, wire } from './sealed-thoughts.ts'

const methods = ['generateContent', 'streamGenerateContent']

export const gemini: Dialect = {
  name: wire,
  paths: ['v1beta', 'v1'].flatMap((version) => methods.map((method) => `/${version}/models/*:${method}`)),
  address: (_, { model = '', method, alt }) => ({
    model: plainModel(model),
    stream: method === 'streamGenerateContent',
    ...(alt !== undefined && { alt }),
  }),
  relayable,
  parse(input, { model, stream, alt }) {
    const request = readRequest(input, model)
    const thoughts = request.showReasoning ?? false
    return { request, stream, writer: (id) => new GeminiWriter({ id, model, sse: alt === 'sse', thoughts }) }
  },
  errorBody,
  failEvent: (error) => `data: ${JSON.stringify(errorBody(error))}\n\n`,
}

/** Providers are asked for server-sent events; and thoughts of other models cannot go to Google as they stand. */
function relayable(body: Readonly<Record<string, unknown>>, address?: Address): boolean {
  if (address?.stream && address.alt !== 'sse') return false
  // The path says which model, and a body that says another would be believed by some.
  if (body['model'] !== undefined) return false
  const { contents } = body
  if (!Array.isArray(contents)) return true
  return !contents.some(
    (content) =>
      isRecord(content) &&
      Array.isArray(content['parts']) &&
      content['parts'].some(
        (part) => isRecord(part) && (isPacked(part['thoughtSignature']) || isPacked(part['thought_signature'])),
      ),
  )
}
