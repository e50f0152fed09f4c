/** Beginnings of prompts that are remembered; of more, those that were asked longest ago are forgotten. */
const mostRemembered = 20_000
/** Characters after which a beginning is remembered, and again after as many more. */
const step = 2048
const mostSteps = 8
/** What a candidate has read is gone from its cache after about so many milliseconds. */
const keptMs = 600_000
/** Of a prompt all of whose remembered beginnings are known: what more of it may be known, too. */
const longKnown = 0.9
/** Where prompts begin in the bodies of requests; what comes before differs from client to client. */
const beginnings = ['"system"', '"messages"', '"instructions"', '"input"', '"contents"', '"prompt"']

/** Characters in which they are looked for. */
const searched = 16_384

/** Who has read how much of a prompt lately. */
export interface Warm {
  readonly candidate: string
  /** From 0 to 1. */
  readonly share: number
}

/** The beginnings of one prompt, as keys from short to long. */
export interface Beginnings {
  readonly keys: readonly number[]
  readonly length: number
}

/** Which candidate has read the beginning of a prompt lately, whatever comes after it. */
export class Affinity {
  readonly #bytes = Buffer.alloc(mostSteps * step)
  readonly #words = new Int32Array(this.#bytes.buffer, this.#bytes.byteOffset, (mostSteps * step) / 4)
  readonly #readers = new Map<number, { readonly candidate: string; readonly at: number }>()

  /** Undefined where a prompt is too short to matter. */
  beginningsOf(scope: string, text: string | undefined): Beginnings | undefined {
    if (text === undefined || text.length < step) return undefined
    const head = text.slice(0, searched)
    const found = beginnings.map((each) => head.indexOf(each)).filter((at) => at >= 0)
    const from = found.length > 0 ? Math.min(...found) : 0
    const length = text.length - from
    const steps = Math.min(mostSteps, Math.floor(length / step))
    if (steps === 0) return undefined
    const keys: number[] = []
    // Four characters at a time; what is more than a byte of one tells nothing that the others do not.
    this.#bytes.write(text.slice(from, from + steps * step), 'latin1')
    let high = 0
    let low = 0
    for (let at = 0; at < scope.length; at++) high = (Math.imul(high, 31) + scope.charCodeAt(at)) | 0
    for (let index = 0; index < steps; index++) {
      const end = ((index + 1) * step) / 4
      for (let at = end - step / 4; at < end; at++) {
        const word = this.#words[at] ?? 0
        high = (Math.imul(high ^ word, 0x01000193) + (low >>> 15)) | 0
        low = Math.imul(low ^ (word + high), 0x85ebca6b) | 0
      }
      // Whoever makes two prompts collide sends them to the same candidate, and nothing else.
      keys.push((high >>> 11) * 4_294_967_296 + (low >>> 0))
    }
    return { keys, length }
  }

  /** Who has read most of it. */
  warmOf({ keys, length }: Beginnings, now: number): Warm | undefined {
    for (let index = keys.length - 1; index >= 0; index--) {
      const reader = this.#readers.get(keys[index] ?? 0)
      if (!reader || now - reader.at > keptMs) continue
      const share = ((index + 1) * step) / length
      return { candidate: reader.candidate, share: index === mostSteps - 1 ? Math.max(share, longKnown) : share }
    }
    return undefined
  }

  remember({ keys }: Beginnings, candidate: string, now: number): void {
    for (const key of keys) {
      this.#readers.delete(key)
      this.#readers.set(key, { candidate, at: now })
    }
    for (const oldest of this.#readers.keys()) {
      if (this.#readers.size <= mostRemembered) return
      this.#readers.delete(oldest)
    }
  }
}
