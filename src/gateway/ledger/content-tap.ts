import type { StreamEvent } from '../../canonical/events.ts'
import type { LedgerContent } from '../../storage/ledger/ledger-batch.ts'

/** Characters that are kept of a request, and of its answer. */
const mostCharacters = 256_000

/** Takes along what is asked and answered in one request, for ledgers that keep it. */
export class ContentTap {
  readonly #asked: string | null
  readonly #redact: boolean
  readonly #decoder = new TextDecoder()
  #answered = ''

  constructor(asked: string | undefined, redact: boolean) {
    this.#asked = asked?.slice(0, mostCharacters) ?? null
    this.#redact = redact
  }

  observe(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (event.type === 'text-delta' || event.type === 'refusal-delta') this.#add(event.text)
      else if (event.type === 'tool-input-start') this.#add(`\n${event.toolName} `)
      else if (event.type === 'tool-input-delta') this.#add(event.delta)
    }
  }

  /** Bytes of an answer that is passed on. */
  see(bytes: Uint8Array): void {
    if (this.#answered.length < mostCharacters) this.#add(this.#decoder.decode(bytes, { stream: true }))
  }

  content(): LedgerContent {
    return { asked: this.#asked, answered: this.#answered === '' ? null : this.#answered, redact: this.#redact }
  }

  #add(text: string): void {
    const room = mostCharacters - this.#answered.length
    if (room > 0) this.#answered += text.slice(0, room)
  }
}
