/** Addresses that are kept: a path may hold the name of a model, which is the client's to choose. */
const mostKept = 256

/** A model with such a name would lead elsewhere, percent-encoded or not: https://url.spec.whatwg.org/#double-dot-path-segment */
const dotSegment = /(^|\/)(\.|%2e){1,2}([/?]|$)/i

/** What can be asked below one base URL. Most requests go to the same few addresses, which are made once. */
export class Addresses {
  readonly #base: URL
  readonly #baseUrl: string
  readonly #kept = new Map<string, URL>()
  readonly #here = new WeakSet<URL>()

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl
    this.#base = new URL(baseUrl)
  }

  /** Undefined where a path would lead out of the base URL. */
  at(path: string): URL | undefined {
    const kept = this.#kept.get(path)
    if (kept) return kept
    const url = new URL(this.#baseUrl + path)
    const inside = url.origin === this.#base.origin && url.pathname.startsWith(this.#base.pathname)
    if (!inside || dotSegment.test(path)) return undefined
    if (this.#kept.size >= mostKept) this.#kept.clear()
    this.#kept.set(path, url)
    this.#here.add(url)
    return url
  }

  /** Whether an address is of the same server: one from here, or one that signing made of it. */
  isHere(url: URL): boolean {
    return this.#here.has(url) || url.origin === this.#base.origin
  }
}
