import { InferloomError } from '../../canonical/errors.ts'
import type { Dialect } from '../dialect.ts'
import { errorEvent } from './error-body.ts'

/** Endpoints whose requests can only be passed on: nothing here understands them, and no other wire says the same. */
export const relayOnly: readonly Dialect[] = [
  // https://platform.openai.com/docs/api-reference/moderations
  passedOn('openai-moderations', '/v1/moderations'),
  // https://platform.openai.com/docs/api-reference/images/create
  passedOn('openai-images', '/v1/images/generations'),
  // https://platform.openai.com/docs/api-reference/audio/createSpeech
  passedOn('openai-audio', '/v1/audio/speech'),
]

function passedOn(name: string, path: string): Dialect {
  return {
    name,
    paths: [path],
    failEvent: errorEvent,
    parse(_body, { model }) {
      if (model === '') throw new InferloomError('missing_parameter', 'model is missing.', { param: 'model' })
      const message =
        `Model '${model.slice(0, 200)}' cannot be asked at ${path}: no provider of it takes ${name} here. ` +
        'Remedy: ask one that does, as provider/model.'
      throw new InferloomError('unsupported_parameter', message, { param: 'model' })
    },
  }
}
