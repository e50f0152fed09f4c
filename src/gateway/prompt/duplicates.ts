import type { Message, Part } from '../../canonical/request.ts'
import { estimateMessage } from './prompt-length.ts'

/** Shorter ones are hardly longer than what would refer to them. */
const shortest = 1000
/** Of its beginning and of its end, what a text is told from others by. */
const quoted = 60

export interface WithoutCopies {
  readonly messages: readonly Message[]
  readonly tokens: number
}

/**
 * Leaves of whole results of tools, text parts and named files that are there several times, to the letter, only the
 * first, and refers to it in place of the others. Nothing is lost: what is referred to stays, and no other could be meant.
 * How the prompt begins stays the same from turn to turn.
 */
export function withoutCopies(messages: readonly Message[]): WithoutCopies {
  const firsts = new Firsts()
  let tokens = 0
  const kept = messages.map((message) => {
    const shorter = withoutCopy(message, firsts)
    if (shorter === undefined) return message
    tokens += estimateMessage(message) - estimateMessage(shorter)
    return shorter
  })
  return tokens > 0 ? { messages: kept, tokens } : { messages, tokens: 0 }
}

function withoutCopy(message: Message, firsts: Firsts): Message | undefined {
  const { role, content } = message
  if (role !== 'user' && role !== 'tool') return undefined
  if (typeof content === 'string') {
    const copy = firsts.textOf(content)
    // What a user writes as one text is what it asks, and stays.
    return role === 'tool' && copy !== undefined ? { ...message, content: copy } : undefined
  }
  let hasCopy = false
  const parts = content.map((part): Part => {
    const copy = firsts.of(part)
    if (copy === undefined) return part
    hasCopy = true
    return { type: 'text', text: copy, ...(part.cache && { cache: part.cache }) }
  })
  return hasCopy ? { ...message, content: parts } : undefined
}

/** What was there first, and what it can be called by. */
class Firsts {
  /** Undefined where another one goes by the same name. */
  readonly #names = new Map<string, string | undefined>()
  readonly #taken = new Set<string>()

  /** What refers to the same part above; undefined where there is none. */
  of(part: Part): string | undefined {
    if (part.type === 'text') return this.textOf(part.text)
    if (part.type !== 'file' || part.name === undefined) return undefined
    return this.#see(part.url, `the file ${JSON.stringify(part.name)} above`)
  }

  textOf(text: string): string | undefined {
    if (text.length < shortest) return undefined
    const [begins, ends] = [text.slice(0, quoted), text.slice(-quoted)].map((each) => JSON.stringify(each))
    return this.#see(text, `the text above that begins with ${begins} and ends with ${ends}`)
  }

  #see(value: string, name: string): string | undefined {
    if (value.length < shortest) return undefined
    if (this.#names.has(value)) {
      const first = this.#names.get(value)
      return first === undefined ? undefined : `[Word for word the same as ${first}.]`
    }
    this.#names.set(value, this.#taken.has(name) ? undefined : name)
    this.#taken.add(name)
    return undefined
  }
}
