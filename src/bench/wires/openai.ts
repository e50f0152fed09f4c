import {
  countOf,
  errorName,
  objectOf,
  objectsOf,
  textOf,
  type EventSays,
  type ReportedUsage,
  type Wire,
} from './wire.ts'

/**
 * vLLM, SGLang and llama-server take `ignore_eos`. A grammar whose only rule goes on for ever keeps inferloom and
 * llama-server writing: no text is ever complete by it.
 */
const keepWriting = [{ ignore_eos: true }, { grammar: 'root ::= [^\\x00] root' }]

const shared = {
  keyHeader: (key: string) => ({ authorization: `Bearer ${key}` }),
  headers: {},
  keepWriting,
  modelsPath: '/v1/models',
  modelNames: (listed: Record<string, unknown>) =>
    objectsOf(listed['data'])
      .map(({ id }) => textOf(id))
      .filter((name) => name !== ''),
}

/** Without `include_usage` there are no counts of tokens in a stream. */
const streaming = (stream: boolean) => (stream ? { stream, stream_options: { include_usage: true } } : { stream })

/** https://platform.openai.com/docs/api-reference/chat/create */
export const openaiChat: Wire = {
  ...shared,
  name: 'openai-chat',
  path: () => '/v1/chat/completions',
  body: ({ model, messages, maxTokens, stream }) => ({ model, messages, max_tokens: maxTokens, ...streaming(stream) }),
  // OpenAI's models that think refuse max_tokens.
  maxTokensFields: ['max_tokens', 'max_completion_tokens'],
  read: (event) => readChunk(event, (choice) => deltaText(objectOf(choice['delta']) ?? {})),
  readWhole: (answer) => readChunk(answer, (choice) => deltaText(objectOf(choice['message']) ?? {})),
}

/** https://platform.openai.com/docs/api-reference/completions/create */
export const openaiCompletions: Wire = {
  ...shared,
  name: 'openai-completions',
  path: () => '/v1/completions',
  body: ({ model, messages, maxTokens, stream }) => ({
    model,
    prompt: messages.map(({ content }) => content).join('\n\n'),
    max_tokens: maxTokens,
    ...streaming(stream),
  }),
  read: (event) => readChunk(event, ({ text }) => textOf(text)),
  readWhole: (answer) => readChunk(answer, ({ text }) => textOf(text)),
}

function readChunk(event: Record<string, unknown>, read: (choice: Record<string, unknown>) => string): EventSays {
  if (event['error'] !== undefined && event['error'] !== null) return { error: errorName(event['error']) }
  const [choice] = objectsOf(event['choices'])
  const usage = objectOf(event['usage'])
  return {
    ...(choice && { text: read(choice) }),
    // Some servers send no [DONE]; the reason why it ended says as much.
    ...(choice && typeof choice['finish_reason'] === 'string' && { isEnd: true }),
    ...(usage && { usage: usageOf(usage) }),
  }
}

/** `reasoning_content` is DeepSeek's, vLLM's and llama-server's name, `reasoning` Groq's and OpenRouter's. */
function deltaText({ content, reasoning_content, reasoning, tool_calls }: Record<string, unknown>): string {
  const written = textOf(content) || textOf(reasoning_content) || textOf(reasoning)
  if (written !== '' || tool_calls === undefined) return written
  return objectsOf(tool_calls)
    .map((call) => textOf(objectOf(call['function'])?.['arguments']) || textOf(objectOf(call['function'])?.['name']))
    .join('')
}

function usageOf(usage: Record<string, unknown>): ReportedUsage {
  return {
    promptTokens: countOf(usage['prompt_tokens']),
    cachedTokens: countOf(objectOf(usage['prompt_tokens_details'])?.['cached_tokens']),
    outputTokens: countOf(usage['completion_tokens']),
  }
}
