import { InferloomError } from '../canonical/errors.ts'
import type { LoadedModel } from './binding/model.ts'

/** Between the parts of a control token's text that a user wrote: it keeps them from being read as that token. */
export const tokenBreak = '\u{FDD0}'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function wholeTextOf(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return null
  }
}

/** Text to tokens and tokens to bytes, with each token's bytes looked up once. */
export class Tokenizer {
  readonly #model: LoadedModel
  readonly #bytes: (Uint8Array | undefined)[] = []
  readonly #specials: (Uint8Array | undefined)[] = []
  readonly #texts: (string | undefined)[] = []
  readonly #wholeTexts: (string | null | undefined)[] = []
  readonly #ends: (boolean | undefined)[] = []
  #endTokens: readonly number[] | undefined
  #room = new Int32Array(1024)

  constructor(model: LoadedModel) {
    this.#model = model
  }

  /** Tokens of a text; `addSpecial` puts the model's own opening token in front. */
  encode(text: string, addSpecial: boolean): Int32Array {
    const parts = text.split(tokenBreak)
    const encoded = parts.map((part, index) => this.#encodePart(part, addSpecial && index === 0))
    if (encoded.length === 1) return encoded[0] ?? new Int32Array(0)
    return Int32Array.from(encoded.flatMap((tokens) => [...tokens]))
  }

  /** Tokens of a text in which nothing is read as a control token. */
  encodePlain(text: string, addSpecial: boolean): Int32Array {
    return this.#encodePart(text, addSpecial, false)
  }

  #encodePart(text: string, addSpecial: boolean, parseSpecial = true): Int32Array {
    const { llama, vocab } = this.#model
    const bytes = encoder.encode(text)
    for (;;) {
      const count = llama.tokenize(vocab, bytes, bytes.length, this.#room, this.#room.length, addSpecial, parseSpecial)
      if (count >= 0) return this.#room.slice(0, count)
      // The most negative number stands for a text that has more tokens than an int32 can count.
      if (count === -2_147_483_648)
        throw new InferloomError('context_length_exceeded', 'The prompt is too long to count.')
      this.#room = new Int32Array(-count)
    }
  }

  /** The bytes a token stands for; control tokens stand for none. */
  bytes(token: number): Uint8Array {
    return (this.#bytes[token] ??= this.#pieceOf(token, false))
  }

  /** The same, with the text of control tokens such as `<tool_call>`. */
  bytesWithSpecial(token: number): Uint8Array {
    return (this.#specials[token] ??= this.#pieceOf(token, true))
  }

  /** A token's bytes as text, with U+FFFD where they are not whole characters. */
  text(token: number): string {
    return (this.#texts[token] ??= decoder.decode(this.bytes(token)))
  }

  /** A token's bytes as text where they are whole characters, else null. */
  wholeText(token: number): string | null {
    const known = this.#wholeTexts[token]
    return known === undefined ? (this.#wholeTexts[token] = wholeTextOf(this.bytes(token))) : known
  }

  /** Whether it ends an answer. */
  isEnd(token: number): boolean {
    return (this.#ends[token] ??= this.#model.llama.vocabIsEnd(this.#model.vocab, token))
  }

  /** Every token that ends an answer. */
  get endTokens(): readonly number[] {
    if (this.#endTokens) return this.#endTokens
    const { vocabulary } = this.#model
    return (this.#endTokens = Array.from({ length: vocabulary }, (_, token) => token).filter((token) =>
      this.isEnd(token),
    ))
  }

  #pieceOf(token: number, special: boolean): Uint8Array {
    const { llama, vocab } = this.#model
    let piece = new Uint8Array(64)
    let length = llama.tokenToPiece(vocab, token, piece, piece.length, 0, special)
    if (length < 0) {
      piece = new Uint8Array(-length)
      length = llama.tokenToPiece(vocab, token, piece, piece.length, 0, special)
    }
    return piece.slice(0, Math.max(0, length))
  }

  /** The texts that `encode` would read as one control token. */
  controlTexts(): string[] {
    const { llama, vocab, vocabulary } = this.#model
    const texts: string[] = []
    for (let token = 0; token < vocabulary; token++) {
      if (llama.vocabIsControl(vocab, token)) texts.push(llama.vocabText(vocab, token))
    }
    return texts.filter((text) => text.length > 1)
  }
}
