// Thoughts that come in chat completions, and go back in them.
import type { StreamEvent } from '../../canonical/events.ts'
import type { Message, Sealed } from '../../canonical/request.ts'
import { isRecord, listOf, textOf } from './fields.ts'

type Fields = Readonly<Record<string, unknown>>

const sealedBy = 'reasoning_details'
/** Of the details of one answer together, in characters of JSON; models think less. */
const mostCharacters = 4_000_000

/**
 * Reads the thoughts of one choice. OpenRouter tells beside their text what the model behind it signed or encrypted, in
 * pieces, and wants all of it back in the next turn of a conversation that calls tools:
 * https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
 */
export class Thoughts {
  readonly #choiceIndex: number
  #details: Fields[] = []
  #characters = 0
  #hasText = false

  constructor(choiceIndex: number) {
    this.#choiceIndex = choiceIndex
  }

  add(delta: Fields, events: StreamEvent[]): void {
    // DeepSeek's name, taken over by vLLM and others, and OpenRouter's, taken over by Groq; some send both.
    const text = textOf(delta['reasoning_content']) ?? textOf(delta['reasoning'])
    if (text !== undefined) {
      this.#hasText = true
      events.push({ type: 'reasoning-delta', choiceIndex: this.#choiceIndex, text })
    }
    for (const detail of listOf(delta['reasoning_details'])) {
      if (!isRecord(detail)) continue
      this.#characters += JSON.stringify(detail).length
      if (this.#characters <= mostCharacters) this.#details.push(detail)
    }
  }

  /** What comes now is no thought any more. */
  end(events: StreamEvent[]): void {
    if (this.#details.length === 0) return
    const sealed: Sealed = { wire: sealedBy, value: JSON.stringify(joined(this.#details)) }
    const seal = this.#hasText ? { signature: sealed } : { encrypted: sealed }
    events.push({ type: 'reasoning-end', choiceIndex: this.#choiceIndex, ...seal })
    this.#details = []
    this.#hasText = false
  }
}

/** The details that came with an assistant's message, as they came. */
export function detailsOf({ reasoningBlocks = [] }: Message): readonly Fields[] {
  const details = reasoningBlocks.flatMap(({ signature, encrypted }) =>
    [signature, encrypted].flatMap((sealed) => (sealed?.wire === sealedBy ? listIn(sealed.value) : [])),
  )
  return joined(details)
}

/** A client can have changed what it sends back; what cannot be read is left out. */
function listIn(text: string): readonly Fields[] {
  try {
    return listOf(JSON.parse(text)).filter(isRecord)
  } catch {
    return []
  }
}

/** Pieces of one detail together: of a stream, a text comes in many, and its signature in the last of them. */
function joined(details: readonly Fields[]): readonly Fields[] {
  const whole: Fields[] = []
  for (const detail of details) {
    const last = whole.at(-1)
    if (!last || last['type'] !== detail['type'] || last['index'] !== detail['index'] || 'data' in detail) {
      whole.push(detail)
      continue
    }
    const told = Object.entries(detail).filter(([, value]) => value !== null)
    const texts = ['text', 'summary'].flatMap((name) => {
      const text = `${textOf(last[name]) ?? ''}${textOf(detail[name]) ?? ''}`
      return text === '' ? [] : [[name, text] as const]
    })
    whole[whole.length - 1] = { ...last, ...Object.fromEntries(told), ...Object.fromEntries(texts) }
  }
  return whole
}
