import { estimatedTokens } from './request.ts'
import { countOf, objectOf, objectsOf, textOf, type Message } from './wires/wire.ts'

/** One line of a data file, whichever of the known forms it has. */
export interface DataRow {
  /** Absent where only its length was recorded. */
  readonly messages?: readonly Message[]
  readonly promptTokens?: number
  /** Of the answer, told or estimated from its text. */
  readonly outputTokens?: number
  readonly expected?: readonly string[]
  /** When it was asked, in milliseconds. */
  readonly at?: number
}

/**
 * Reads a line of ShareGPT (`conversations`), of OpenAI's form (`messages`), with a `prompt`, or a line of a recorded
 * trace with lengths alone (Mooncake's `input_length`, or a row of `inferloom requests --json`). Throws what is wrong.
 */
export function readRow(value: unknown): DataRow {
  const row = objectOf(value)
  if (!row) throw new Error('is not an object')
  const { messages, answer } = conversationOf(row)
  const promptTokens = countOf(row['prompt_tokens'] ?? row['input_length'] ?? row['input_tokens'])
  if (messages.length === 0 && promptTokens === undefined) throw new Error('has no prompt')
  const outputTokens =
    countOf(row['output_tokens'] ?? row['output_length'] ?? row['max_tokens']) ??
    (answer === '' ? undefined : estimatedTokens(Buffer.byteLength(answer)))
  const expected = expectedOf(row['expected'] ?? row['answer'])
  const at = timeOf(row['timestamp'] ?? row['received_at'])
  return {
    ...(messages.length > 0 && { messages }),
    ...(promptTokens !== undefined && { promptTokens }),
    ...(outputTokens !== undefined && outputTokens >= 1 && { outputTokens }),
    ...(expected.length > 0 && { expected }),
    ...(at !== undefined && { at }),
  }
}

const roles: Readonly<Record<string, Message['role']>> = {
  system: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
}

/** The turns up to the last one of the user before the first answer, and that answer. */
function conversationOf(row: Record<string, unknown>): { messages: readonly Message[]; answer: string } {
  const turns = objectsOf(row['conversations'] ?? row['messages']).map((turn) => ({
    role: roles[textOf(turn['from'] ?? turn['role'])],
    content: contentOf(turn['value'] ?? turn['content']),
  }))
  const first = turns.findIndex(({ role }) => role === 'user')
  const end = turns.findIndex(({ role }, index) => index > first && role === 'assistant')
  const asked = turns.slice(0, end === -1 ? undefined : end)
  const messages = asked.flatMap(({ role, content }) => (role && content !== '' ? [{ role, content }] : []))
  if (first !== -1 && messages.length > 0) return { messages, answer: end === -1 ? '' : (turns[end]?.content ?? '') }
  const prompt = ['prompt', 'question', 'text_input', 'input', 'instruction']
    .map((name) => textOf(row[name]))
    .find(Boolean)
  const answer = textOf(row['completion']) || textOf(row['output'])
  return { messages: prompt === undefined ? [] : [{ role: 'user', content: prompt }], answer }
}

/** Text, or the texts of OpenAI's parts. */
function contentOf(value: unknown): string {
  return (
    textOf(value) ||
    objectsOf(value)
      .map(({ text }) => textOf(text))
      .join('\n')
  )
}

function expectedOf(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value]
  return all.filter((each): each is string => typeof each === 'string' && each !== '')
}

function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(parsed) ? undefined : parsed
}
