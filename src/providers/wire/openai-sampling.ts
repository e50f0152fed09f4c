import type { Sampling } from '../../canonical/request.ts'
import type { Field } from './unsupported.ts'

/** What a value of sampling is called by clients, and so by us in `Field`. */
const fieldOf = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  repeatPenalty: 'repeat_penalty',
  repeatLastN: 'repeat_last_n',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  seed: 'seed',
} as const satisfies Partial<Record<keyof Sampling, Field>>

/** Fields that OpenAI has; others are sent only to a provider that has a name for them. */
const openaiHas: ReadonlySet<Field> = new Set([
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'seed',
])

type Names = Readonly<Partial<Record<Field, string | null>>>

/** How to choose tokens, in a provider's names. What it has none for was refused before, or asks for nothing. */
export function openaiSampling(sampling: Partial<Sampling>, names: Names): object {
  const fields: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(fieldOf) as [keyof typeof fieldOf, Field][]) {
    const name = names[field] ?? (openaiHas.has(field) && names[field] !== null ? field : undefined)
    if (name !== undefined && sampling[key] !== undefined) fields[name] = sampling[key]
  }
  if (sampling.logitBias && sampling.logitBias.size > 0) {
    fields[names.logit_bias ?? 'logit_bias'] = Object.fromEntries(sampling.logitBias)
  }
  return fields
}
