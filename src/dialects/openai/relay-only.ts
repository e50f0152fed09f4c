import type { Dialect } from '../dialect.ts'
import { errorEvent } from './error-body.ts'

/** An endpoint whose requests can only be passed on: nothing here understands them, and no other wire says the same. */
export interface PassedDialect extends Pick<Dialect, 'name' | 'failEvent' | 'forwardedHeaders'> {
  readonly path: string
  /** What a provider that does not speak it cannot do: `generate images`. */
  readonly what: string
  /** Whether its requests may be forms with files. */
  readonly takesForms?: true
}

export const relayOnly: readonly PassedDialect[] = [
  // https://platform.openai.com/docs/api-reference/moderations
  { name: 'openai-moderations', path: '/v1/moderations', what: 'moderate' },
  // https://platform.openai.com/docs/api-reference/images
  { name: 'openai-images', path: '/v1/images/generations', what: 'generate images' },
  { name: 'openai-image-edits', path: '/v1/images/edits', what: 'edit images', takesForms: true },
  // https://platform.openai.com/docs/api-reference/audio
  { name: 'openai-speech', path: '/v1/audio/speech', what: 'speak' },
  { name: 'openai-transcriptions', path: '/v1/audio/transcriptions', what: 'transcribe', takesForms: true },
  { name: 'openai-translations', path: '/v1/audio/translations', what: 'translate audio', takesForms: true },
  // https://developers.openai.com/api/reference/resources/responses/methods/compact: only OpenAI can read what it makes.
  { name: 'openai-compact', path: '/v1/responses/compact', what: 'compact conversations' },
].map((each) => ({ ...each, failEvent: errorEvent }) as PassedDialect)
