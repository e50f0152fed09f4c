import type { Usage } from '../../canonical/usage.ts'
import { countOf, isRecord, recordOf } from './fields.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { throwReportedError } from './openai-stream-error.ts'
import { errorThrownBy } from './reported-error.ts'
import type { RelayWatch, RelayWire } from './wire.ts'

/** The endpoints of OpenAI's API whose requests are passed on as they stand, by the name of their wire. */
const endpoints = {
  // https://platform.openai.com/docs/api-reference/embeddings
  'openai-embeddings': { path: 'embeddings' },
  // https://developers.openai.com/api/reference/resources/responses/methods/compact
  'openai-compact': { path: 'responses/compact' },
  // https://developers.openai.com/api/reference/resources/responses/subresources/input_tokens/methods/count
  'openai-input-tokens': { path: 'responses/input_tokens' },
  // https://platform.openai.com/docs/api-reference/moderations
  'openai-moderations': { path: 'moderations' },
  // https://platform.openai.com/docs/api-reference/images
  'openai-images': { path: 'images/generations' },
  'openai-image-edits': { path: 'images/edits' },
  // https://platform.openai.com/docs/api-reference/audio
  'openai-speech': { path: 'audio/speech', bytes: /^(audio\/|application\/(octet-stream|ogg)\b)/i },
  'openai-transcriptions': { path: 'audio/transcriptions', bytes: /^(text\/(plain|vtt|srt)|application\/x-subrip)\b/i },
  'openai-translations': { path: 'audio/translations', bytes: /^(text\/(plain|vtt|srt)|application\/x-subrip)\b/i },
} as const satisfies Record<string, { readonly path: string; readonly bytes?: RegExp }>

export type PassedName = keyof typeof endpoints

/** What is passed on to one provider; `pathOf` makes its own path of OpenAI's, and absent means the same one. */
export function openaiPassed(
  names: readonly PassedName[],
  pathOf: (path: string) => (model: string) => string = (path) => () => `/${path}`,
): readonly RelayWire[] {
  return names.map((name) => {
    const { path, bytes }: { path: string; bytes?: RegExp } = endpoints[name]
    const at = pathOf(path)
    return {
      name,
      framing: 'server-sent-events',
      refusal: openaiRefusal,
      ...(bytes && { bytes }),
      relay: {
        request: ({ model, body, headers }) => ({ path: at(model), body, headers }),
        watch: watchPassed,
      },
    }
  })
}

const brace = 0x7b
const space = 0x20
const doneMark = Buffer.from('[DONE]')
/** `image_generation.completed`, `speech.audio.done`, `transcript.text.done`; nothing comes after an error either. */
const lastEvent = /^(event:\s*|data:.*"type":\s*")([a-z_]+\.)*(done|completed|error)\b|^data:\s*\{\s*"error":/m

/** Reads what is whole; of a stream, the event that ends it. */
function watchPassed(): RelayWatch {
  let complete = false
  return {
    get complete() {
      return complete
    },
    see(seen) {
      const bytes = Buffer.from(seen.buffer, seen.byteOffset, seen.byteLength)
      if (bytes[firstVisible(bytes)] === brace) {
        const body: unknown = JSON.parse(bytes.toString())
        complete = isRecord(body)
        return { deltas: 0, ...usageIn(body), ...errorThrownBy(() => throwReportedError(recordOf(body))) }
      }
      // Images in base64 are long; what an event is stands before them.
      const isLast = bytes.length < 24 ? bytes.includes(doneMark) : lastEvent.test(bytes.toString('latin1', 0, 4096))
      if (!isLast) return { deltas: 1 }
      complete = true
      const body = recordOf(jsonIn(bytes.toString()))
      return { deltas: 0, ...usageIn(body), ...errorThrownBy(() => throwReportedError(body)) }
    },
  }
}

function firstVisible(bytes: Buffer): number {
  let at = 0
  while ((bytes[at] ?? 0xff) <= space) at++
  return at
}

/** What cannot be understood is the client's to see, not ours to throw. */
function jsonIn(event: string): unknown {
  try {
    return JSON.parse(event.slice(event.indexOf('{'), event.lastIndexOf('}') + 1))
  } catch {
    return undefined
  }
}

/** Embeddings have OpenAI's older names for tokens, images and audio the newer ones, and some models count seconds. */
function usageIn(body: unknown): { usage?: Usage } {
  const { usage: raw } = recordOf(body)
  if (!isRecord(raw)) return {}
  const input = countOf(raw['prompt_tokens']) ?? countOf(raw['input_tokens'])
  const output = countOf(raw['completion_tokens']) ?? countOf(raw['output_tokens'])
  const seconds = countOf(raw['seconds'])
  if (input === undefined && output === undefined && seconds === undefined) return {}
  const details = recordOf(raw['input_tokens_details'] ?? raw['input_token_details'])
  const { reasoning_tokens: reasoning } = recordOf(raw['output_tokens_details'])
  const audio = countOf(details['audio_tokens'])
  const image = countOf(details['image_tokens'])
  return {
    usage: {
      inputTokens: {
        total: input ?? 0,
        cacheRead: countOf(details['cached_tokens']) ?? 0,
        ...(audio !== undefined && { audio }),
        ...(image !== undefined && { image }),
      },
      outputTokens: { total: output ?? 0, reasoning: countOf(reasoning) ?? 0 },
      ...(seconds !== undefined && { counts: { audio_seconds: seconds } }),
      raw,
    },
  }
}
