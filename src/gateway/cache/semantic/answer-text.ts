import type { KeptAnswer } from '../kept-answer.ts'

/** Members that hold what a model wrote, on every wire. */
const written: ReadonlySet<string> = new Set(['content', 'text', 'delta', 'arguments', 'partial_json', 'name'])
const mostCharacters = 20_000

/** What a model wrote in a kept answer, as far as it is text; the same for two answers that say the same. */
export function answerText({ pieces }: KeptAnswer): string {
  let text = ''
  const add = (more: string) => {
    if (text.length < mostCharacters) text += more
  }
  for (const piece of pieces) {
    if ('events' in piece) {
      for (const event of piece.events) {
        if (event.type === 'text-delta') add(event.text)
        else if (event.type === 'tool-input-start') add(event.toolName)
        else if (event.type === 'tool-input-delta') add(event.delta)
      }
    } else {
      for (const json of jsonIn(Buffer.from(piece.bytes).toString())) collect(json, add)
    }
  }
  return text
}

/** One text of JSON, or those of a stream of events. */
function jsonIn(text: string): unknown[] {
  const lines = /^\s*[{[]/.test(text)
    ? [text]
    : text.split(/\r?\n/).flatMap((line) => /^data: *(\{.*)$/.exec(line)?.[1] ?? [])
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as unknown]
    } catch {
      return []
    }
  })
}

function collect(value: unknown, add: (text: string) => void): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'string' && written.has(name)) add(member)
    else collect(member, add)
  }
}
