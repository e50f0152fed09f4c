// https://ai.google.dev/api/generate-content#request-body
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Message, ServiceTier } from '../../canonical/request.ts'
import { checkBody, show, text, unknownParameter } from '../parse-body.ts'
import { camelCased } from './camel-case.ts'
import { content, instructions } from './content.ts'
import { canonicalConfig, generationConfig } from './generation-config.ts'
import { messagesOf } from './messages.ts'
import { canonicalTools, toolFields } from './tools.ts'

const body = z.object({
  contents: z.array(content).min(1, 'needs at least one content'),
  systemInstruction: instructions.optional(),
  ...toolFields,
  generationConfig: generationConfig.prefault({}),
  serviceTier: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['unspecified', 'standard', 'flex', 'priority']))
    .optional(),
  labels: z.record(z.string().max(64), text.max(512)).optional(),
})

/** What only Google itself can do, and values that ask for nothing. */
const onlyGoogle: Readonly<Record<string, (value: unknown) => boolean>> = {
  // The path names the model.
  model: (value) => typeof value === 'string',
  safetySettings: (value) => Array.isArray(value) && value.every(isOff),
  cachedContent: (value) => value === '',
  store: (value) => value === false,
  modelArmorConfig: () => false,
  continuationToken: () => false,
}

/** Google's filters are Google's: others have none that could be set. */
function isOff(setting: unknown): boolean {
  const { threshold } = Object(setting) as { readonly threshold?: unknown }
  return threshold === 'OFF' || threshold === 'BLOCK_NONE'
}

function refuseUnknown(name: string, value: unknown): void {
  const asksForNothing = Object.hasOwn(onlyGoogle, name) ? onlyGoogle[name] : undefined
  if (!asksForNothing) throw unknownParameter(name)
  if (asksForNothing(value)) return
  const message = `${name} = ${show(value)} is not supported here: only Google's own models have it. Remedy: leave ${name} out.`
  throw new InferloomError('unsupported_parameter', message, { param: name })
}

export function readRequest(input: unknown, model: string): GenerateRequest {
  const parsed = checkBody(body, camelCased(input), refuseUnknown)
  const { contents, systemInstruction, serviceTier, labels } = parsed
  const words = systemInstruction?.parts.map((part) => part.text).join('\n') ?? ''
  const system: Message[] = words === '' ? [] : [{ role: 'system', content: words }]
  return {
    ...canonicalConfig(parsed.generationConfig),
    ...canonicalTools(parsed),
    model,
    input: { kind: 'chat', messages: [...system, ...messagesOf(contents)] },
    ...(labels && { metadata: labels }),
    ...(serviceTier !== undefined && { serviceTier: tierOf(serviceTier) }),
  }
}

function tierOf(tier: 'unspecified' | 'standard' | 'flex' | 'priority'): ServiceTier {
  return tier === 'flex' || tier === 'priority' ? tier : 'default'
}
