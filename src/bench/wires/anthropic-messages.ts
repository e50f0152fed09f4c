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

/** https://platform.claude.com/docs/en/build-with-claude/streaming */
export const anthropicMessages: Wire = {
  name: 'anthropic-messages',
  path: () => '/v1/messages',
  keyHeader: (key) => ({ 'x-api-key': key }),
  headers: { 'anthropic-version': '2023-06-01' },
  keepWriting: [],
  modelsPath: '/v1/models',
  modelNames: (listed) =>
    objectsOf(listed['data'])
      .map(({ id }) => textOf(id))
      .filter((name) => name !== ''),
  body: ({ model, messages, maxTokens, stream }) => {
    const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content)
    return {
      model,
      ...(system.length > 0 && { system: system.join('\n\n') }),
      messages: messages.filter(({ role }) => role !== 'system'),
      max_tokens: maxTokens,
      stream,
    }
  },
  read: (event): EventSays => {
    switch (event['type']) {
      case 'content_block_delta':
        return { text: deltaText(objectOf(event['delta']) ?? {}) }
      case 'message_start':
        return usageOf(objectOf(event['message'])?.['usage'])
      case 'message_delta':
        return usageOf(event['usage'])
      case 'message_stop':
        return { isEnd: true }
      case 'error':
        return { error: errorName(event['error']) }
      default:
        return {}
    }
  },
  readWhole: (answer): EventSays => {
    if (answer['type'] === 'error') return { error: errorName(answer['error']) }
    const text = objectsOf(answer['content']).map(blockText).join('')
    return { text, ...usageOf(answer['usage']), ...(answer['type'] === 'message' && { isEnd: true }) }
  },
}

/** A call's arguments are no text here, but an object. */
function blockText({ text, thinking, input }: Record<string, unknown>): string {
  return textOf(text) || textOf(thinking) || (input === undefined ? '' : JSON.stringify(input))
}

function deltaText({ text, thinking, partial_json }: Record<string, unknown>): string {
  return textOf(text) || textOf(thinking) || textOf(partial_json)
}

/** `input_tokens` leaves out what was read from the cache or written to it. */
function usageOf(value: unknown): EventSays {
  const usage = objectOf(value)
  if (!usage) return {}
  const [read, written] = [countOf(usage['cache_read_input_tokens']), countOf(usage['cache_creation_input_tokens'])]
  const input = countOf(usage['input_tokens'])
  const said: ReportedUsage = {
    ...(input !== undefined && { promptTokens: input + (read ?? 0) + (written ?? 0) }),
    ...(read !== undefined && { cachedTokens: read }),
    outputTokens: countOf(usage['output_tokens']),
  }
  return { usage: said }
}
