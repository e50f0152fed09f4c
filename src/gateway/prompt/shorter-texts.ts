import type { Message, Part } from '../../canonical/request.ts'
import { compactJson } from './compact-json.ts'
import { estimateTokens } from './prompt-length.ts'
import { withoutBlanks } from './white-space.ts'

export interface Shorter {
  readonly messages: readonly Message[]
  readonly tokens: number
}

/** Without the blanks that nobody sees, in all but what the model wrote itself. */
export function withoutWhiteSpace(messages: readonly Message[]): Shorter {
  return withTexts(messages, (text, { role }) => (role === 'assistant' ? text : withoutBlanks(text)))
}

/** With results of tools that are JSON written as short as they can be, their values to the letter. */
export function withCompactJson(messages: readonly Message[]): Shorter {
  return withTexts(messages, (text, { role }) => (role === 'tool' ? (compactJson(text) ?? text) : text))
}

function withTexts(messages: readonly Message[], shorter: (text: string, message: Message) => string): Shorter {
  let tokens = 0
  const change = (text: string, message: Message): string => {
    const next = shorter(text, message)
    if (next === text) return text
    tokens += Math.max(0, estimateTokens(text) - estimateTokens(next))
    return next
  }
  let isChanged = false
  const kept = messages.map((message) => {
    const { content } = message
    if (typeof content === 'string') {
      const next = change(content, message)
      if (next === content) return message
      isChanged = true
      return { ...message, content: next }
    }
    let hasChanged = false
    const parts = content.map((part): Part => {
      const next = part.type === 'text' ? change(part.text, message) : undefined
      if (part.type !== 'text' || next === undefined || next === part.text) return part
      hasChanged = true
      return { ...part, text: next }
    })
    if (!hasChanged) return message
    isChanged = true
    return { ...message, content: parts }
  })
  return { messages: isChanged ? kept : messages, tokens }
}
