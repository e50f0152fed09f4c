// What a request can ask for, in canonical form and in the words of each dialect that has any.
import type { GenerateRequest, Message } from '../../src/canonical/request.ts'
import type { DialectName } from './dialect-asks.ts'

type Conversation = readonly Message[]

export interface RequestFeature {
  readonly id: string
  /** For people. */
  readonly title: string
  readonly asks: Partial<GenerateRequest>
  /** What it changes or adds to where it is not asked for; absent means a plain request. */
  readonly instead?: Partial<GenerateRequest>
  /** Fields of a body beside a plain one; absent where the dialect has no word for it. */
  readonly in: Readonly<Partial<Record<DialectName, object>>>
  readonly insteadIn?: Readonly<Partial<Record<DialectName, object>>>
}

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const pdf = 'JVBERi0xLjQKJSVFT0YK'
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

const chat = (messages: Conversation): Partial<GenerateRequest> => ({ input: { kind: 'chat', messages } })
const hi = { role: 'user', content: 'Hi' } as const
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tool = { name: 'look', description: 'Looks', parameters: schema }

const openaiTool = { type: 'function', function: tool }
const responsesTool = { type: 'function', ...tool, strict: false }
const anthropicTool = { name: 'look', description: 'Looks', input_schema: schema }
const geminiTool = { functionDeclarations: [{ name: 'look', description: 'Looks', parametersJsonSchema: schema }] }

const toolsIn = {
  'openai-chat': { tools: [openaiTool] },
  'openai-responses': { tools: [responsesTool] },
  'anthropic-messages': { tools: [anthropicTool] },
  gemini: { tools: [geminiTool] },
}

const config = (generationConfig: object) => ({ generationConfig })
const answered = (content: Message['content'], more: object = {}): Conversation => [
  hi,
  { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'look', arguments: '{"city":"Rome"}' }] },
  { role: 'tool', toolCallId: 'call_1', content, ...more },
]
const thought = (sealed: boolean): Conversation => [
  hi,
  {
    role: 'assistant',
    content: 'Yes.',
    reasoning: 'Hm.',
    ...(sealed && { reasoningBlocks: [{ text: 'Hm.', signature: { wire: 'anthropic-messages', value: 'c2VhbA==' } }] }),
  },
  hi,
]

const geminiTurn = (...parts: object[]) => ({ contents: [{ role: 'user', parts: [{ text: 'Hi' }, ...parts] }] })
const claudeTurn = (...blocks: object[]) => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }, ...blocks] }],
})
const chatTurn = (...parts: object[]) => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }, ...parts] }],
})
const responsesTurn = (...parts: object[]) => ({
  input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }, ...parts] }],
})

const sampling = (
  given: GenerateRequest['sampling'],
  fields: Partial<Record<DialectName, object>>,
): Pick<RequestFeature, 'asks' | 'in'> => ({ asks: { sampling: given }, in: fields })
/** A field that OpenAI's three dialects call the same. */
const openai = (fields: object): Partial<Record<DialectName, object>> => ({
  'openai-chat': fields,
  'openai-completions': fields,
  'openai-responses': fields,
})

const user = { role: 'user', content: 'Hi' }
const called = {
  'openai-chat': (content: unknown) => ({
    ...toolsIn['openai-chat'],
    messages: [
      user,
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"city":"Rome"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content },
    ],
  }),
  'openai-responses': (output: unknown) => ({
    ...toolsIn['openai-responses'],
    input: [
      user,
      { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"city":"Rome"}' },
      { type: 'function_call_output', call_id: 'call_1', output },
    ],
  }),
  'anthropic-messages': (content: unknown, more: object = {}) => ({
    ...toolsIn['anthropic-messages'],
    messages: [
      user,
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'look', input: { city: 'Rome' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content, ...more }] },
    ],
  }),
  gemini: (response: object, more: object = {}) => ({
    ...toolsIn.gemini,
    contents: [
      { role: 'user', parts: [{ text: 'Hi' }] },
      { role: 'model', parts: [{ functionCall: { id: 'call_1', name: 'look', args: { city: 'Rome' } } }] },
      { role: 'user', parts: [{ functionResponse: { id: 'call_1', name: 'look', response, ...more } }] },
    ],
  }),
}

const tools = { tools: [tool] } as const
const format = { type: 'json-schema', name: 'answer', schema, strict: true } as const

export const requestFeatures: readonly RequestFeature[] = [
  {
    id: 'system',
    title: 'instructions (system)',
    asks: chat([{ role: 'system', content: 'Be brief.' }, hi]),
    in: {
      'openai-chat': { messages: [{ role: 'system', content: 'Be brief.' }, user] },
      'openai-responses': { instructions: 'Be brief.' },
      'anthropic-messages': { system: 'Be brief.' },
      gemini: { systemInstruction: { parts: [{ text: 'Be brief.' }] } },
    },
  },
  {
    id: 'image',
    title: 'images, inline',
    asks: chat([{ role: 'user', content: [{ type: 'image', url: `data:image/png;base64,${png}` }] }]),
    in: {
      'openai-chat': chatTurn({ type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }),
      'openai-responses': responsesTurn({ type: 'input_image', image_url: `data:image/png;base64,${png}` }),
      'anthropic-messages': claudeTurn({
        type: 'image',
        source: { type: 'base64', media_type: 'image/png', data: png },
      }),
      gemini: geminiTurn({ inlineData: { mimeType: 'image/png', data: png } }),
    },
  },
  {
    id: 'image-url',
    title: 'images, by address',
    asks: chat([{ role: 'user', content: [{ type: 'image', url: 'https://example.com/a.png' }] }]),
    in: {
      'openai-chat': chatTurn({ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }),
      'openai-responses': responsesTurn({ type: 'input_image', image_url: 'https://example.com/a.png' }),
      'anthropic-messages': claudeTurn({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }),
      gemini: geminiTurn({ fileData: { mimeType: 'image/png', fileUri: 'https://example.com/a.png' } }),
    },
  },
  {
    id: 'image-detail',
    title: 'how closely to look at an image',
    asks: chat([{ role: 'user', content: [{ type: 'image', url: `data:image/png;base64,${png}`, detail: 'low' }] }]),
    instead: chat([{ role: 'user', content: [{ type: 'image', url: `data:image/png;base64,${png}` }] }]),
    in: {
      'openai-chat': chatTurn({ type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } }),
      'openai-responses': responsesTurn({
        type: 'input_image',
        image_url: 'https://example.com/a.png',
        detail: 'low',
      }),
      gemini: config({ mediaResolution: 'MEDIA_RESOLUTION_LOW' }),
    },
    insteadIn: {
      'openai-chat': chatTurn({ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }),
      'openai-responses': responsesTurn({ type: 'input_image', image_url: 'https://example.com/a.png' }),
    },
  },
  {
    id: 'file',
    title: 'files (PDF)',
    asks: chat([
      { role: 'user', content: [{ type: 'file', url: `data:application/pdf;base64,${pdf}`, name: 'a.pdf' }] },
    ]),
    in: {
      'openai-chat': chatTurn({
        type: 'file',
        file: { file_data: `data:application/pdf;base64,${pdf}`, filename: 'a.pdf' },
      }),
      'openai-responses': responsesTurn({
        type: 'input_file',
        file_data: `data:application/pdf;base64,${pdf}`,
        filename: 'a.pdf',
      }),
      'anthropic-messages': claudeTurn({
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf },
      }),
      gemini: geminiTurn({ inlineData: { mimeType: 'application/pdf', data: pdf } }),
    },
  },
  {
    id: 'audio',
    title: 'audio',
    asks: chat([{ role: 'user', content: [{ type: 'audio', url: `data:audio/wav;base64,${wav}` }] }]),
    in: {
      'openai-chat': chatTurn({ type: 'input_audio', input_audio: { data: wav, format: 'wav' } }),
      gemini: geminiTurn({ inlineData: { mimeType: 'audio/wav', data: wav } }),
    },
  },
  { id: 'tools', title: 'tools', asks: tools, in: toolsIn },
  {
    id: 'tool-required',
    title: 'a tool must be called',
    asks: { ...tools, toolChoice: 'required' },
    instead: tools,
    in: {
      'openai-chat': { ...toolsIn['openai-chat'], tool_choice: 'required' },
      'openai-responses': { ...toolsIn['openai-responses'], tool_choice: 'required' },
      'anthropic-messages': { ...toolsIn['anthropic-messages'], tool_choice: { type: 'any' } },
      gemini: { ...toolsIn.gemini, toolConfig: { functionCallingConfig: { mode: 'ANY' } } },
    },
    insteadIn: toolsIn,
  },
  {
    id: 'tool-named',
    title: 'one tool by its name',
    asks: { ...tools, toolChoice: { name: 'look' } },
    instead: tools,
    in: {
      'openai-chat': { ...toolsIn['openai-chat'], tool_choice: { type: 'function', function: { name: 'look' } } },
      'openai-responses': { ...toolsIn['openai-responses'], tool_choice: { type: 'function', name: 'look' } },
      'anthropic-messages': { ...toolsIn['anthropic-messages'], tool_choice: { type: 'tool', name: 'look' } },
      gemini: {
        ...toolsIn.gemini,
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
      },
    },
    insteadIn: toolsIn,
  },
  {
    id: 'one-call',
    title: 'one call at a time',
    asks: { ...tools, parallelToolCalls: false },
    instead: tools,
    in: {
      'openai-chat': { ...toolsIn['openai-chat'], parallel_tool_calls: false },
      'openai-responses': { ...toolsIn['openai-responses'], parallel_tool_calls: false },
      'anthropic-messages': {
        ...toolsIn['anthropic-messages'],
        tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      },
    },
    insteadIn: toolsIn,
  },
  {
    id: 'strict-tools',
    title: 'arguments held to their schema',
    asks: { tools: [{ ...tool, strict: true }] },
    instead: tools,
    in: {
      'openai-chat': { tools: [{ type: 'function', function: { ...tool, strict: true } }] },
      'openai-responses': { tools: [{ ...responsesTool, strict: true }] },
      'anthropic-messages': { tools: [{ ...anthropicTool, strict: true }] },
      gemini: { ...toolsIn.gemini, toolConfig: { functionCallingConfig: { mode: 'VALIDATED' } } },
    },
    insteadIn: toolsIn,
  },
  {
    id: 'tool-results',
    title: 'results of tools',
    asks: { ...tools, ...chat(answered('Sunny')) },
    in: {
      'openai-chat': called['openai-chat']('Sunny'),
      'openai-responses': called['openai-responses']('Sunny'),
      'anthropic-messages': called['anthropic-messages']('Sunny'),
      gemini: called.gemini({ output: 'Sunny' }),
    },
  },
  {
    id: 'tool-failed',
    title: 'that a tool failed',
    asks: { ...tools, ...chat(answered('No net', { toolFailed: true })) },
    instead: { ...tools, ...chat(answered('No net')) },
    in: {
      'anthropic-messages': called['anthropic-messages']('No net', { is_error: true }),
      gemini: called.gemini({ error: 'No net' }),
    },
    insteadIn: {
      'anthropic-messages': called['anthropic-messages']('No net'),
      gemini: called.gemini({ output: 'No net' }),
    },
  },
  {
    id: 'tool-image',
    title: 'images in results of tools',
    asks: { ...tools, ...chat(answered([{ type: 'image', url: `data:image/png;base64,${png}` }])) },
    in: {
      'openai-responses': called['openai-responses']([
        { type: 'input_image', image_url: `data:image/png;base64,${png}` },
      ]),
      'anthropic-messages': called['anthropic-messages']([
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
      ]),
      gemini: called.gemini({}, { parts: [{ inlineData: { mimeType: 'image/png', data: png } }] }),
    },
  },
  {
    id: 'json',
    title: 'any JSON',
    asks: { responseFormat: { type: 'json' } },
    in: {
      'openai-chat': { response_format: { type: 'json_object' } },
      'openai-responses': { text: { format: { type: 'json_object' } } },
      gemini: config({ responseMimeType: 'application/json' }),
    },
  },
  {
    id: 'json-schema',
    title: 'JSON of a schema',
    asks: { responseFormat: format },
    in: {
      'openai-chat': {
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      },
      'openai-responses': { text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } } },
      'anthropic-messages': { output_config: { format: { type: 'json_schema', schema } } },
      gemini: config({ responseMimeType: 'application/json', responseJsonSchema: schema }),
    },
  },
  {
    id: 'grammar',
    title: 'a grammar (GBNF)',
    asks: { grammar: 'root ::= "a"' },
    in: openai({ grammar: 'root ::= "a"' }),
  },
  {
    id: 'n',
    title: 'several answers (n)',
    asks: { n: 2 },
    in: { 'openai-chat': { n: 2 }, 'openai-completions': { n: 2 }, gemini: config({ candidateCount: 2 }) },
  },
  {
    id: 'max-tokens',
    title: 'longest answer',
    asks: { maxOutputTokens: 7 },
    in: {
      'openai-chat': { max_completion_tokens: 7 },
      'openai-completions': { max_tokens: 7 },
      'openai-responses': { max_output_tokens: 7 },
      'anthropic-messages': { max_tokens: 7 },
      gemini: config({ maxOutputTokens: 7 }),
    },
  },
  {
    id: 'stop',
    title: 'stop strings',
    asks: { stop: ['END'] },
    in: {
      ...openai({ stop: ['END'] }),
      'anthropic-messages': { stop_sequences: ['END'] },
      gemini: config({ stopSequences: ['END'] }),
    },
  },
  {
    id: 'ignore-eos',
    title: 'writing on to the longest answer (ignore_eos)',
    asks: { ignoreEnd: true },
    in: { 'openai-chat': { ignore_eos: true }, 'openai-completions': { ignore_eos: true } },
  },
  {
    id: 'temperature',
    title: 'temperature',
    ...sampling(
      { temperature: 0.3 },
      {
        ...openai({ temperature: 0.3 }),
        'anthropic-messages': { temperature: 0.3 },
        gemini: config({ temperature: 0.3 }),
      },
    ),
  },
  {
    id: 'top-p',
    title: 'top_p',
    ...sampling(
      { topP: 0.5 },
      { ...openai({ top_p: 0.5 }), 'anthropic-messages': { top_p: 0.5 }, gemini: config({ topP: 0.5 }) },
    ),
  },
  {
    id: 'top-k',
    title: 'top_k',
    ...sampling(
      { topK: 5 },
      { ...openai({ top_k: 5 }), 'anthropic-messages': { top_k: 5 }, gemini: config({ topK: 5 }) },
    ),
  },
  { id: 'min-p', title: 'min_p', ...sampling({ minP: 0.1 }, openai({ min_p: 0.1 })) },
  {
    id: 'repeat-penalty',
    title: 'repeat_penalty',
    ...sampling({ repeatPenalty: 1.1 }, openai({ repeat_penalty: 1.1 })),
  },
  {
    id: 'penalties',
    title: 'presence and frequency penalties',
    ...sampling(
      { presencePenalty: 0.5, frequencyPenalty: 0.5 },
      {
        ...openai({ presence_penalty: 0.5, frequency_penalty: 0.5 }),
        gemini: config({ presencePenalty: 0.5, frequencyPenalty: 0.5 }),
      },
    ),
  },
  {
    id: 'logit-bias',
    title: 'logit_bias',
    ...sampling({ logitBias: new Map([[5, -100]]) }, openai({ logit_bias: { '5': -100 } })),
  },
  { id: 'seed', title: 'seed', ...sampling({ seed: 7 }, { ...openai({ seed: 7 }), gemini: config({ seed: 7 }) }) },
  {
    id: 'logprobs',
    title: 'log probabilities',
    asks: { topLogprobs: 2 },
    in: {
      'openai-chat': { logprobs: true, top_logprobs: 2 },
      'openai-completions': { logprobs: 2 },
      'openai-responses': { include: ['message.output_text.logprobs'], top_logprobs: 2 },
      gemini: config({ responseLogprobs: true, logprobs: 2 }),
    },
  },
  {
    id: 'effort',
    title: 'how much to think, in words',
    asks: { reasoningEffort: 'low' },
    in: {
      'openai-chat': { reasoning_effort: 'low' },
      'openai-responses': { reasoning: { effort: 'low' } },
      'anthropic-messages': { output_config: { effort: 'low' } },
      gemini: config({ thinkingConfig: { thinkingLevel: 'LOW' } }),
    },
  },
  {
    id: 'thinking-tokens',
    title: 'how much to think, in tokens',
    asks: { reasoningTokens: 2000, maxOutputTokens: 4000 },
    instead: { maxOutputTokens: 4000 },
    in: {
      'anthropic-messages': { max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 2000 } },
      gemini: config({ thinkingConfig: { thinkingBudget: 2000 } }),
    },
    insteadIn: { 'anthropic-messages': { max_tokens: 4000 } },
  },
  {
    id: 'thoughts-back',
    title: 'thoughts sent back',
    asks: chat(thought(false)),
    instead: chat([hi, { role: 'assistant', content: 'Yes.' }, hi]),
    in: {
      'openai-chat': {
        messages: [user, { role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.' }, user],
      },
      'openai-responses': {
        input: [
          user,
          { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] },
          { role: 'assistant', content: 'Yes.' },
          user,
        ],
      },
      'anthropic-messages': {
        messages: [
          user,
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'Hm.', signature: '' },
              { type: 'text', text: 'Yes.' },
            ],
          },
          user,
        ],
      },
      gemini: {
        contents: [
          { role: 'user', parts: [{ text: 'Hi' }] },
          { role: 'model', parts: [{ text: 'Hm.', thought: true }, { text: 'Yes.' }] },
          { role: 'user', parts: [{ text: 'Hi' }] },
        ],
      },
    },
    insteadIn: {
      'openai-chat': { messages: [user, { role: 'assistant', content: 'Yes.' }, user] },
      'openai-responses': { input: [user, { role: 'assistant', content: 'Yes.' }, user] },
      'anthropic-messages': { messages: [user, { role: 'assistant', content: 'Yes.' }, user] },
      gemini: {
        contents: [
          { role: 'user', parts: [{ text: 'Hi' }] },
          { role: 'model', parts: [{ text: 'Yes.' }] },
          { role: 'user', parts: [{ text: 'Hi' }] },
        ],
      },
    },
  },
  {
    id: 'verbosity',
    title: 'verbosity',
    asks: { verbosity: 'low' },
    in: { 'openai-chat': { verbosity: 'low' }, 'openai-responses': { text: { verbosity: 'low' } } },
  },
  {
    id: 'cache-marks',
    title: 'marks for a cache',
    asks: chat([{ role: 'user', content: [{ type: 'text', text: 'Hi', cache: {} }] }]),
    instead: chat([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]),
    in: {
      'openai-responses': {
        input: [
          {
            role: 'user',
            content: [{ type: 'input_text', text: 'Hi', prompt_cache_breakpoint: { mode: 'explicit' } }],
          },
        ],
      },
      'anthropic-messages': {
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }] }],
      },
    },
  },
  {
    id: 'cache-key',
    title: 'a key for a cache',
    asks: { promptCacheKey: 'k' },
    in: { 'openai-chat': { prompt_cache_key: 'k' }, 'openai-responses': { prompt_cache_key: 'k' } },
  },
  {
    id: 'end-user',
    title: 'who the end user is',
    asks: { endUser: 'u' },
    in: {
      'openai-chat': { safety_identifier: 'u' },
      'openai-completions': { user: 'u' },
      'openai-responses': { safety_identifier: 'u' },
      'anthropic-messages': { metadata: { user_id: 'u' } },
    },
  },
  {
    id: 'metadata',
    title: 'metadata',
    asks: { metadata: { team: 'red' } },
    in: {
      'openai-chat': { metadata: { team: 'red' } },
      'openai-responses': { metadata: { team: 'red' } },
      gemini: { labels: { team: 'red' } },
    },
  },
  {
    id: 'tier',
    title: 'service tier',
    asks: { serviceTier: 'flex' },
    in: {
      'openai-chat': { service_tier: 'flex' },
      'openai-completions': { service_tier: 'flex' },
      'openai-responses': { service_tier: 'flex' },
      gemini: { serviceTier: 'flex' },
    },
  },
  {
    id: 'template',
    title: 'variables of the chat template',
    asks: { templateVariables: { enable_thinking: false } },
    in: { 'openai-chat': { chat_template_kwargs: { enable_thinking: false } } },
  },
]
