import type { GenerateRequest, Message } from '../../canonical/request.ts'

/**
 * A request whose prompt begins with what seldom changes: tools in the order of their names, then instructions, and in
 * each message files before texts. The same object where it does so already. Another order is another prompt to a model.
 */
export function staticFirst(request: GenerateRequest): GenerateRequest {
  const { input, tools } = request
  const sorted = tools && inOrder(tools, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const messages = input.kind === 'chat' ? instructionsFirst(input.messages.map(filesFirst)) : []
  const isMoved = input.kind === 'chat' && messages.some((message, index) => message !== input.messages[index])
  if (!isMoved && sorted === tools) return request
  return {
    ...request,
    ...(sorted && { tools: sorted }),
    ...(isMoved && { input: { kind: 'chat', messages } }),
  }
}

function instructionsFirst(messages: readonly Message[]): readonly Message[] {
  return inOrder(messages, (a, b) => Number(b.role === 'system') - Number(a.role === 'system'))
}

function filesFirst(message: Message): Message {
  const { role, content } = message
  // A mark says where something ends, and its place is the client's.
  if (role !== 'user' || typeof content === 'string' || content.some(({ cache }) => cache)) return message
  const sorted = inOrder(content, (a, b) => Number(b.type === 'file') - Number(a.type === 'file'))
  return sorted === content ? message : { ...message, content: sorted }
}

/** Sorted, with what is equal in its order; the same array where it is sorted already. */
function inOrder<T>(values: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const isSorted = values.every((value, index) => index === 0 || compare(values[index - 1] ?? value, value) <= 0)
  return isSorted ? values : values.toSorted(compare)
}
