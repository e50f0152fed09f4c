import type { AnswerPart } from './answer-part.ts'

/** A parser that stops wherever the answer has not come further yet, and goes on from there. */
export type Reading<T> = Generator<undefined, T>

type Prose = 'text' | 'reasoning'

/**
 * Reads an answer that comes in pieces, and collects its parts. However it is cut into pieces, the parts are the same.
 *
 * White space between two kinds of parts, such as the line breaks around a call, belongs to the markup and is left out.
 */
export class AnswerReader {
  /** Only what a parser may still look at; `#dropped` characters came before. */
  #text = ''
  #at = 0
  #dropped = 0
  #ended = false
  /** Where an attempt began, while it can still turn out to be something else. */
  #mark: number | undefined
  #parts: AnswerPart[] = []
  #kind: Prose | 'call' | undefined
  /** White space that is only told when more of the same kind follows. */
  #space = ''
  #trim = false

  /** Runs a parser over one more piece. */
  push(piece: string, parser: Reading<void>): AnswerPart[] {
    if (piece === '') return []
    const keep = this.#mark ?? this.#at
    this.#text = this.#text.slice(keep) + piece
    this.#dropped += keep
    this.#at -= keep
    if (this.#mark !== undefined) this.#mark = 0
    parser.next()
    return this.#take()
  }

  end(parser: Reading<void>): AnswerPart[] {
    this.#ended = true
    parser.next()
    if (this.#space !== '' && this.#kind !== 'call' && this.#kind !== undefined) {
      this.#parts.push({ type: this.#kind, text: this.#space, end: this.#position })
    }
    return this.#take()
  }

  #take(): AnswerPart[] {
    const parts = this.#parts
    this.#parts = []
    return parts
  }

  get #position(): number {
    return this.#dropped + this.#at
  }

  /** What the last part was, for what has no part of its own. */
  get kind(): Prose | 'call' | undefined {
    return this.#kind
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What has come and was not read. */
  get rest(): string {
    return this.#text.slice(this.#at)
  }

  /** Goes on, or back over what `until` has just read. */
  skip(characters: number): void {
    this.#at += characters
  }

  prose(kind: Prose, text: string): void {
    if (this.#kind !== kind) {
      this.#trim = this.#kind !== undefined || kind === 'reasoning'
      this.#space = ''
      this.#kind = kind
    }
    const shown = this.#space + (this.#trim ? text.trimStart() : text)
    if (shown === '') return
    this.#trim = false
    const told = shown.trimEnd()
    this.#space = shown.slice(told.length)
    if (told !== '') this.#parts.push({ type: kind, text: told, end: this.#position })
  }

  /** From here on an attempt cannot be taken back. */
  settle(): void {
    this.#mark = undefined
  }

  startCall(name: string): void {
    this.settle()
    this.#space = ''
    this.#kind = 'call'
    this.#parts.push({ type: 'call-start', name, end: this.#position })
  }

  callArguments(text: string): void {
    if (text !== '') this.#parts.push({ type: 'call-arguments', text, end: this.#position })
  }

  endCall(): void {
    this.#parts.push({ type: 'call-end', end: this.#position })
  }

  /** Waits for more; false at the end of the answer. */
  *more(): Reading<boolean> {
    if (this.#ended) return false
    yield
    return !this.#ended
  }

  /** Reads something that may turn out late to be something else: then it is as if it had not been read. */
  *attempt(reading: Reading<boolean>): Reading<boolean> {
    this.#mark = this.#at
    const matched = yield* reading
    if (!matched && this.#mark !== undefined) this.#at = this.#mark
    this.#mark = undefined
    return matched
  }

  *startsWith(literal: string): Reading<boolean> {
    for (;;) {
      const rest = this.#text.slice(this.#at, this.#at + literal.length)
      if (rest === literal) return true
      if (!literal.startsWith(rest) || !(yield* this.more())) return false
    }
  }

  *accept(literal: string): Reading<boolean> {
    const found = yield* this.startsWith(literal)
    if (found) this.#at += literal.length
    return found
  }

  /** Reads as far as a sticky pattern of single characters goes. */
  *run(pattern: RegExp): Reading<string> {
    let read = ''
    for (;;) {
      pattern.lastIndex = this.#at
      const [found = ''] = pattern.exec(this.#text) ?? []
      read += found
      this.#at += found.length
      if (this.#at < this.#text.length || !(yield* this.more())) return read
    }
  }

  *skipSpace(): Reading<void> {
    yield* this.run(/\s*/y)
  }

  /** Passes on what comes before the first of some markers, and reads that marker; undefined when none comes. */
  *until(markers: readonly string[], pass: (text: string) => void): Reading<string | undefined> {
    for (;;) {
      const rest = this.rest
      const found = earliest(rest, markers)
      if (found) {
        this.#at += found.at
        pass(rest.slice(0, found.at))
        this.#at += found.marker.length
        return found.marker
      }
      const through = rest.length - longestBeginning(rest, markers)
      this.#at += through
      pass(rest.slice(0, through))
      if (yield* this.more()) continue
      const last = this.rest
      this.#at += last.length
      pass(last)
      return undefined
    }
  }
}

function earliest(text: string, markers: readonly string[]): { at: number; marker: string } | undefined {
  let best: { at: number; marker: string } | undefined
  for (const marker of markers) {
    const at = text.indexOf(marker)
    if (at !== -1 && (!best || at < best.at)) best = { at, marker }
  }
  return best
}

/** How many characters at the end may be the beginning of a marker. */
function longestBeginning(text: string, markers: readonly string[]): number {
  let longest = 0
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(marker.slice(0, length))) longest = length
    }
  }
  return longest
}
