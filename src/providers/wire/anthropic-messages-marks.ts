import { elementsOf, membersOf, splice, type Edit } from '../../transport/json-splice.ts'
import type { BodyMarks } from '../provider.ts'
import { isRecord } from './fields.ts'

type Block = Readonly<Record<string, unknown>>

/** https://platform.claude.com/docs/en/build-with-claude/prompt-caching#what-can-be-cached */
const unmarkable: readonly unknown[] = ['thinking', 'redacted_thinking']
const cache_control = { type: 'ephemeral' }

/**
 * Marks in a prompt that is passed on as its client wrote it. What is not marked stays to the letter; a value that is
 * marked is written anew.
 */
export const anthropicMarks: BodyMarks = {
  isMarked: (text) => text.includes('"cache_control"'),

  // In its order: tools, instructions, messages.
  // https://platform.claude.com/docs/en/build-with-claude/prompt-caching#how-automatic-prefix-checking-works
  parts: ({ tools, system, messages }) => [
    ...partOf(tools).map((value) => ({ value, isTools: true })),
    ...[...partOf(system), ...listOf(messages)].map((value) => ({ value, isTools: false })),
  ],

  mark(text, { tools, system, messages }, numbers) {
    const { spans, twice } = membersOf(text, ['tools', 'system', 'messages'])
    if (twice !== undefined) return text
    const edits: Edit[] = []
    const edit = (span: { readonly start: number; readonly end: number } | undefined, value: unknown) => {
      if (span && value !== undefined) edits.push({ ...span, text: JSON.stringify(value) })
    }
    const toolParts = partOf(tools).length
    const before = toolParts + partOf(system).length
    const start = spans.get('messages')?.start
    const each = start === undefined ? [] : elementsOf(text, start)
    for (const number of numbers) {
      if (number < toolParts) edit(spans.get('tools'), markedLast(tools))
      else if (number < before) edit(spans.get('system'), markedContent(system))
      else edit(each[number - before], markedMessage(listOf(messages)[number - before]))
    }
    return edits.length === 0 ? text : splice(text, edits)
  },
}

function partOf(value: unknown): readonly unknown[] {
  const isThere = Array.isArray(value) ? value.length > 0 : typeof value === 'string' && value !== ''
  return isThere ? [value] : []
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function markedMessage(message: unknown): Block | undefined {
  if (!isRecord(message)) return undefined
  const content = markedContent(message['content'])
  return content && { ...message, content }
}

function markedContent(content: unknown): readonly unknown[] | undefined {
  if (typeof content === 'string') return content === '' ? undefined : [{ type: 'text', text: content, cache_control }]
  return markedLast(content)
}

/** Undefined where the last one cannot be marked. */
function markedLast(blocks: unknown): readonly unknown[] | undefined {
  const last: unknown = Array.isArray(blocks) ? blocks.at(-1) : undefined
  if (!isRecord(last) || unmarkable.includes(last['type']) || last['text'] === '') return undefined
  return [...listOf(blocks).slice(0, -1), { ...last, cache_control }]
}
