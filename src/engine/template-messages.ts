// Conversations in the shape that chat templates read, which is Hugging Face's:
// https://huggingface.co/docs/transformers/chat_templating and …/chat_extras
import { InferloomError } from '../canonical/errors.ts'
import type { Message, Tool, ToolCall } from '../canonical/request.ts'

/** What one template expects where templates differ. */
export interface TemplateHabits {
  /** An assistant's `content` beside its tool calls, when it wrote none. */
  readonly emptyContent: '' | null
  /** Whether the arguments of a call are an object, not JSON text. */
  readonly objectArguments: boolean
  readonly reasoningKey: 'reasoning_content' | 'thinking'
  /** Characters of a tool call's id where only that many will do. */
  readonly idLength: number | undefined
}

const probe = 'argument_of_probe'

/**
 * Finds out what a template expects by rendering a conversation with a tool call in each way, as llama.cpp does
 * (common/chat.cpp): the first way in which the call is to be seen is taken. JSON text comes first, because it is what
 * the model wrote, byte for byte, so that its next turn begins with tokens that are evaluated already.
 */
export function habitsOf(template: string, render: (messages: readonly object[]) => string): TemplateHabits {
  // https://huggingface.co/mistralai/Mistral-Nemo-Instruct-2407: "Tool call IDs should be alphanumeric strings with length 9!"
  const idLength = /\|\s*length\s*!=\s*9/.test(template) ? 9 : undefined
  const reasoningKey = !template.includes('reasoning_content') && /\bthinking\b/.test(template) ? 'thinking' : undefined
  const base = { idLength, reasoningKey: reasoningKey ?? 'reasoning_content' } as const
  for (const emptyContent of ['', null] as const) {
    for (const objectArguments of [false, true]) {
      const habits = { ...base, emptyContent, objectArguments }
      const call = { id: 'call00001', name: 'tool_of_probe', arguments: JSON.stringify({ [probe]: 1 }) }
      const conversation: Message[] = [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: '', toolCalls: [call] },
      ]
      if (showsCall(() => render(templateMessages(conversation, habits)))) return habits
    }
  }
  return { ...base, emptyContent: '', objectArguments: false }
}

function showsCall(render: () => string): boolean {
  try {
    const text = render()
    // JSON text that was made JSON once more has its quotes escaped.
    return text.includes('tool_of_probe') && text.includes(probe) && !text.includes(`\\"${probe}`)
  } catch {
    return false
  }
}

export function templateMessages(messages: readonly Message[], habits: TemplateHabits): object[] {
  const names = new Map<string, string>()
  return messages.map((message, index) => {
    for (const { id, name } of message.toolCalls ?? []) names.set(id, name)
    const { role, toolCalls = [], toolCallId, reasoning } = message
    const content = textOf(message, index)
    const name = message.name ?? (toolCallId === undefined ? undefined : names.get(toolCallId))
    return {
      role,
      content: content === '' && toolCalls.length > 0 ? habits.emptyContent : content,
      ...(name !== undefined && { name }),
      ...(toolCallId !== undefined && { tool_call_id: idOf(toolCallId, habits) }),
      ...(reasoning !== undefined && { [habits.reasoningKey]: reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls.map((call) => callOf(call, habits)) }),
    }
  })
}

function textOf({ content }: Message, index: number): string {
  if (typeof content === 'string') return content
  return content
    .map((part, at) => {
      if (part.type === 'text') return part.text
      const message = `This model reads text only, and this part is of type ${part.type}. Remedy: leave it out.`
      throw new InferloomError('unsupported_parameter', message, { param: `messages[${index}].content[${at}]` })
    })
    .join('')
}

function callOf({ id, name, arguments: text }: ToolCall, habits: TemplateHabits) {
  return {
    id: idOf(id, habits),
    type: 'function',
    function: { name, arguments: habits.objectArguments ? (objectOf(text) ?? text) : text },
  }
}

function idOf(id: string, { idLength }: TemplateHabits): string {
  if (idLength === undefined) return id
  return id
    .replace(/[^a-zA-Z0-9]/g, '')
    .slice(-idLength)
    .padStart(idLength, '0')
}

function objectOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** Tools as OpenAI writes them, which is what templates were made for. */
export function templateTools(tools: readonly Tool[]): object[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      parameters: parameters ?? { type: 'object', properties: {} },
    },
  }))
}

/** Says in words what a template cannot say: which tools there are, and how to call one. */
export function withToolsInWords(messages: readonly Message[], tools: readonly Tool[]): Message[] {
  const words =
    'You can call these functions:\n' +
    templateTools(tools)
      .map((tool) => JSON.stringify(tool))
      .join('\n') +
    '\nTo call one, answer with nothing but {"name": <function-name>, "arguments": <arguments-object>}.'
  const [first, ...rest] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: words }, ...messages]
  return [{ ...first, content: `${textOf(first, 0)}\n\n${words}` }, ...rest]
}
