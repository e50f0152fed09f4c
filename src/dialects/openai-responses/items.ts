// https://developers.openai.com/api/reference/resources/responses/methods/create (input)
import { z } from 'zod'
import { freeObject, text, withoutNulls } from '../openai/parameters.ts'

/** Where a prompt that may come again ends. */
const prompt_cache_breakpoint = z.strictObject({ mode: z.literal('explicit') }).optional()

const inputText = z.strictObject({ type: z.literal('input_text'), text, prompt_cache_breakpoint })
const inputImage = z.strictObject({
  type: z.literal('input_image'),
  image_url: text.min(1),
  detail: z.enum(['auto', 'low', 'high']).optional(),
  prompt_cache_breakpoint,
})
const inputFile = z
  .strictObject({
    type: z.literal('input_file'),
    file_url: text.min(1).optional(),
    file_data: text.min(1).optional(),
    filename: text.max(1000).optional(),
    prompt_cache_breakpoint,
  })
  .refine(({ file_url: url, file_data: data }) => (url === undefined) !== (data === undefined), {
    path: ['file_data'],
    message: 'a file needs either file_data or file_url',
  })
// What else the answer said of its text: clients send it back, and no model reads it.
const outputText = z.strictObject({
  type: z.literal('output_text'),
  text,
  annotations: z.array(freeObject).optional(),
  logprobs: z.array(freeObject).optional(),
})
const refusal = z.strictObject({ type: z.literal('refusal'), refusal: text })

const inputParts = z.array(
  withoutNulls(
    z.discriminatedUnion(
      'type',
      [inputText, inputImage, inputFile, outputText],
      'must be one of input_text, input_image, input_file, output_text',
    ),
  ),
)
const outputParts = z.array(
  withoutNulls(
    z.discriminatedUnion('type', [outputText, refusal, inputText], 'must be one of output_text, refusal, input_text'),
  ),
)

const id = z.string().min(1).max(256)
/** What an item says of itself where it was an answer's before. */
const ofAnswer = { id: id.optional(), status: z.enum(['in_progress', 'completed', 'incomplete']).optional() }
/** Some providers put more into it than a name. */
const callId = z.string().min(1).max(16_384)

const message = z.union([
  z.strictObject({
    type: z.literal('message'),
    role: z.enum(['user', 'system', 'developer']),
    content: z.union([text, inputParts]),
    ...ofAnswer,
  }),
  z.strictObject({
    type: z.literal('message'),
    role: z.literal('assistant', 'must be one of user, system, developer, assistant'),
    content: z.union([text, outputParts]),
    // Whether it was on the way to the answer or is the answer; a hint to models that were trained with it.
    phase: z.enum(['commentary', 'final_answer']).optional(),
    ...ofAnswer,
  }),
])

const functionCall = z.strictObject({
  type: z.literal('function_call'),
  call_id: callId,
  name: text.min(1).max(128),
  namespace: text.min(1).max(256).optional(),
  arguments: text.default(''),
  ...ofAnswer,
})
const customToolCall = z.strictObject({
  type: z.literal('custom_tool_call'),
  call_id: callId,
  name: text.min(1).max(128),
  namespace: text.min(1).max(256).optional(),
  input: text.default(''),
  ...ofAnswer,
})
const callOutput = z.strictObject({
  type: z.enum(['function_call_output', 'custom_tool_call_output']),
  call_id: callId,
  output: z.union([text, inputParts]),
  name: text.optional(),
  namespace: text.optional(),
  ...ofAnswer,
})

const reasoning = z.strictObject({
  type: z.literal('reasoning'),
  summary: z.array(z.strictObject({ type: z.literal('summary_text'), text })).default([]),
  content: z.array(z.strictObject({ type: z.enum(['reasoning_text', 'text']), text })).optional(),
  encrypted_content: text.optional(),
  ...ofAnswer,
})

const itemReference = z.strictObject({ type: z.literal('item_reference'), id })

/** That OpenAI searched the web for an earlier answer, with no word of what it found. */
const webSearchCall = z.looseObject({ type: z.literal('web_search_call') })

/** All others are made by tools that OpenAI runs, or read by OpenAI alone. */
export const itemTypes = [
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'reasoning',
  'item_reference',
  'web_search_call',
] as const

const item = z.preprocess(
  typed,
  z.union([message, functionCall, customToolCall, callOutput, reasoning, itemReference, webSearchCall]),
)

/** One more is refused: OpenAI has no such bound, and no conversation comes near it. */
const mostItems = 20_000

export const inputItems = z.array(withoutNulls(item)).max(mostItems, `may have at most ${mostItems} items`)
export const input = z.union([text, inputItems])

export type InputItem = z.infer<typeof inputItems>[number]
export type InputPart = z.infer<typeof inputParts>[number]

/** A message may leave its type out, and so may a reference. */
export function typed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || 'type' in value) return value
  if ('role' in value) return { type: 'message', ...value }
  return 'id' in value ? { type: 'item_reference', ...value } : value
}
