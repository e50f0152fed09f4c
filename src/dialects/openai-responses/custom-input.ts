import { customInput } from './tools.ts'

/** More than this before the text begins, and it is no call of a custom tool. */
const longestOpening = 200
const opening = new RegExp(String.raw`^\s*\{\s*"${customInput}"\s*:\s*"`)
// Text up to its end, or to an escape that is not complete; half of a surrogate pair waits for the other.
const complete = /^(?:[^"\\]|\\u(?!d[89ab])[0-9a-f]{4}|\\ud[89ab][0-9a-f]{2}\\u[0-9a-f]{4}|\\[^u])*/i

/** Reads the text out of `{"input": "…"}` as its JSON arrives in pieces. */
export class CustomInputReader {
  #pending = ''
  #state: 'before' | 'inside' | 'after' | 'other' = 'before'

  /** What there is of the text so far, beyond what was returned before. */
  read(piece: string): string {
    if (this.#state === 'after') return ''
    this.#pending += piece
    if (this.#state === 'before') {
      const match = opening.exec(this.#pending)
      if (match) {
        this.#state = 'inside'
        this.#pending = this.#pending.slice(match[0].length)
      } else if (this.#pending.length > longestOpening) this.#state = 'other'
    }
    return this.#state === 'inside' ? this.#inside() : ''
  }

  #inside(): string {
    const text = complete.exec(this.#pending)?.[0] ?? ''
    this.#pending = this.#pending.slice(text.length)
    if (this.#pending.startsWith('"')) this.#state = 'after'
    return decoded(text)
  }

  /** What was held back to the end: all of it where the model wrote something else. */
  end(): string {
    if (this.#state === 'after') return ''
    return this.#pending
  }
}

const escapes = /\\(?:u[0-9a-f]{4}|.)/gi

/** An escape at a time, so that what is not JSON stays as it stands: a model may write what it likes. */
function decoded(text: string): string {
  return text.replaceAll(escapes, (escape) => {
    try {
      return JSON.parse(`"${escape}"`) as string
    } catch {
      return escape
    }
  })
}
