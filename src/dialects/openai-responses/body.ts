// https://developers.openai.com/api/reference/resources/responses/methods/create
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import { parseBody, sharedParameters, text, withoutNulls } from '../openai/parameters.ts'
import { refuseHostedTools } from './hosted-tools.ts'
import { input, itemTypes, typed } from './items.ts'
import { textParameter } from './text-format.ts'
import { toolParameters } from './tools.ts'

const { model, stream, temperature, top_p, seed, top_k, min_p, repeat_penalty, repeat_last_n } = sharedParameters
const { presence_penalty, frequency_penalty, logit_bias, stop, grammar } = sharedParameters

const identifier = text.max(1024)

/** OpenAI's bounds: 16 pairs, keys of 64 characters, values of 512. */
const metadata = z
  .record(text.max(64), text.max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'may have at most 16 pairs')

const reasoning = withoutNulls(
  z.strictObject({
    effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
    summary: z.enum(['auto', 'concise', 'detailed']).optional(),
    // The older name of `summary`.
    generate_summary: z.enum(['auto', 'concise', 'detailed']).optional(),
    context: z.literal('auto').optional(),
    mode: z.literal('standard').optional(),
  }),
)

const include = z.enum([
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  // About tools and images that are not there to be included in an answer from here.
  'message.input_image.image_url',
  'web_search_call.action.sources',
  'web_search_call.results',
  'file_search_call.results',
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
])

const body = z.object({
  model,
  stream,
  temperature,
  top_p,
  // From here to `grammar` they are not OpenAI's, but llama.cpp's and vLLM's.
  seed,
  top_k,
  min_p,
  repeat_penalty,
  repeat_last_n,
  presence_penalty,
  frequency_penalty,
  logit_bias,
  stop,
  grammar,
  ...toolParameters,
  input: input.default([]),
  instructions: text.optional(),
  previous_response_id: z.string().min(1).max(256).optional(),
  max_output_tokens: z.int().min(1).optional(),
  include: z.array(include).max(16).default([]),
  top_logprobs: z.int().min(0).max(20).optional(),
  reasoning: reasoning.optional(),
  text: textParameter.optional(),
  metadata: metadata.optional(),
  user: identifier.optional(),
  safety_identifier: identifier.optional(),
  prompt_cache_key: identifier.optional(),
  service_tier: z.enum(['auto', 'default', 'flex', 'priority', 'fast']).optional(),
  store: z.boolean().default(true),
  stream_options: z.strictObject({ include_obfuscation: z.boolean().default(false) }).optional(),
  truncation: z.literal('disabled').optional(),
})

export type ResponsesBody = z.infer<typeof body>

/** What is not supported here, with the values of it that ask for nothing. */
const notHere: Readonly<Record<string, { readonly harmless?: (value: unknown) => boolean; readonly remedy: string }>> =
  {
    background: {
      harmless: (value) => value === false,
      remedy: 'leave it out: the answer is streamed or comes whole',
    },
    conversation: { remedy: 'use previous_response_id, or send the conversation as input' },
    prompt: { remedy: 'send the prompt itself as instructions and input' },
    truncation: {
      harmless: (value) => value === 'disabled',
      remedy: 'use disabled, and shorten the input where it is too long',
    },
    // It bounds tools that a provider runs itself, of which there are none here.
    max_tool_calls: { harmless: (value) => typeof value === 'number', remedy: 'leave it out' },
    // The caches here keep what fits.
    prompt_cache_retention: { harmless: (value) => typeof value === 'string', remedy: 'leave it out' },
    context_management: { harmless: (value) => Array.isArray(value) && value.length === 0, remedy: 'leave it out' },
    // What Codex tells of itself; it says nothing about the answer.
    client_metadata: { harmless: (value) => typeof value === 'object', remedy: 'use metadata' },
    moderation: { remedy: 'leave it out' },
    access_programs: { remedy: 'leave it out' },
    image: { remedy: 'leave it out' },
    prompt_cache_options: { remedy: 'use prompt_cache_key' },
  }

/** Checks a body. What is not supported is refused by name. */
export function readBody(given: unknown): ResponsesBody {
  if (typeof given !== 'object' || given === null) return parseBody(body, given)
  const known: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(notHere, name) ? notHere[name] : undefined
    if (!rule || value === null) known[name] = value
    else if (!rule.harmless?.(value)) throw refused(name, value, rule.remedy)
  }
  refuseItemsByName(known['input'])
  refuseHostedTools(known['tools'])
  const parsed = parseBody(body, known)
  if (parsed.stream_options?.include_obfuscation) {
    throw refused('stream_options.include_obfuscation', true, 'leave it out; nothing is padded here')
  }
  return parsed
}

/** A union of schemas would say that the type is wrong; it is right, and not for here. */
function refuseItemsByName(items: unknown): void {
  if (!Array.isArray(items)) return
  for (const [index, each] of items.entries()) {
    const item = typed(each) as Readonly<Record<string, unknown>> | null
    const type = item?.['type']
    if (typeof type === 'string' && !itemTypes.some((known) => known === type)) {
      throw refused(`input[${index}].type`, type, 'leave the item out')
    }
    const parts = item?.['content'] ?? item?.['output']
    if (!Array.isArray(parts)) continue
    for (const [at, part] of (parts as readonly (Record<string, unknown> | null)[]).entries()) {
      const fileId = part?.['file_id']
      if (fileId === undefined || fileId === null) continue
      const remedy = 'no files are kept here; send the data, or a URL'
      throw refused(`input[${index}].${item?.['content'] ? 'content' : 'output'}[${at}].file_id`, fileId, remedy)
    }
  }
}

function refused(param: string, value: unknown, remedy: string): InferloomError {
  const shown =
    typeof value === 'string' || typeof value === 'boolean' ? `${param} = '${String(value).slice(0, 80)}'` : param
  const message = `${shown} is not supported here. Remedy: ${remedy}.`
  return new InferloomError('unsupported_parameter', message, { param })
}
