const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Turns the bytes of tokens into text, holding back the beginning of a character until the rest has come. */
export class Utf8Assembler {
  #tail: Uint8Array = new Uint8Array(0)

  push(bytes: Uint8Array): string {
    const joined = this.#tail.length === 0 ? bytes : concat(this.#tail, bytes)
    const whole = joined.length - incompleteTail(joined)
    this.#tail = joined.slice(whole)
    return decoder.decode(joined.subarray(0, whole))
  }

  /** What is still held back can no longer become a character: it comes out as U+FFFD. */
  flush(): string {
    const text = decoder.decode(this.#tail)
    this.#tail = new Uint8Array(0)
    return text
  }

  get empty(): boolean {
    return this.#tail.length === 0
  }
}

/** How many bytes at the end begin a character without completing it: 0 to 3. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? back : 0
    }
  }
  return 0
}

function concat(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + rest.length)
  joined.set(head)
  joined.set(rest, head.length)
  return joined
}
