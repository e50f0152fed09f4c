// https://docs.cohere.com/reference/embed
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import { cohereRefusal } from './cohere-refusal.ts'
import { coherePurposes, purposeWord } from './embed-purpose.ts'
import { checked } from './read-json.ts'
import { unitVector } from './unit-vector.ts'
import { unsupported } from './unsupported.ts'
import type { EmbedWire } from './wire.ts'

const count = z.number().min(0).nullish()

const reply = z.object({
  embeddings: z.object({ float: z.array(z.array(z.number())) }),
  meta: z.object({ billed_units: z.object({ input_tokens: count }).nullish() }).nullish(),
})

/** https://docs.cohere.com/reference/embed: texts */
const most = 96

export const cohereEmbed: EmbedWire = {
  most: () => most,
  request(request, { provider }) {
    const { model, inputs, dimensions } = request
    const texts = inputs.map((input, index) => {
      if (typeof input === 'string') return input
      throw unsupported(`input[${index}] as token ids`, provider, 'send its text')
    })
    const body = {
      model,
      texts,
      // It wants to know what for; where nothing is said, what is stored is more often embedded than what is asked.
      input_type: purposeWord(request, coherePurposes, provider) ?? 'search_document',
      embedding_types: ['float'],
      ...(dimensions !== undefined && { output_dimension: dimensions }),
      // Its own default cuts what is too long, and says nothing.
      truncate: 'NONE',
    }
    return { path: '/v2/embed', body: JSON.stringify(body) }
  },
  result(body, { inputs }) {
    const { embeddings, meta } = checked(reply, body)
    if (embeddings.float.length !== inputs.length) {
      const message = `The provider sent ${embeddings.float.length} vectors for ${inputs.length} inputs.`
      throw new InferloomError('provider_invalid_reply', message)
    }
    return { embeddings: embeddings.float.map(unitVector), inputTokens: meta?.billed_units?.input_tokens ?? 0 }
  },
  refusal: cohereRefusal,
}
