import { hash } from 'node:crypto'

/** Prompts that are remembered; of more, those that were asked longest ago are forgotten. */
const mostRemembered = 10_000
/** Characters of a prompt that tell it from others. Shorter ones are read anew faster than they are waited for. */
const prefixLength = 4096
const shortest = 2048
/** Where prompts begin in the bodies of requests; what comes before differs from client to client. */
const beginnings = ['"system"', '"messages"', '"instructions"', '"input"', '"contents"', '"prompt"']

/** Which candidate has read the beginning of a prompt lately. */
export class Affinity {
  readonly #candidates = new Map<string, string>()

  /** Undefined where a prompt is too short to matter. */
  keyOf(scope: string, text: string | undefined): string | undefined {
    if (text === undefined || text.length < shortest) return undefined
    let from = text.length
    for (const each of beginnings) {
      const at = text.indexOf(each)
      if (at >= 0 && at < from) from = at
    }
    const prefix = text.slice(from, from + prefixLength)
    return prefix.length < shortest ? undefined : hash('md5', `${scope}\n${prefix}`, 'base64')
  }

  candidateOf(key: string): string | undefined {
    return this.#candidates.get(key)
  }

  remember(key: string, candidate: string): void {
    this.#candidates.delete(key)
    this.#candidates.set(key, candidate)
    if (this.#candidates.size <= mostRemembered) return
    for (const oldest of this.#candidates.keys()) {
      this.#candidates.delete(oldest)
      return
    }
  }
}
