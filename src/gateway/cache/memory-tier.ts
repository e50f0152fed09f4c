import type { KeptAnswer } from './kept-answer.ts'

/** Answers in memory, up to so many bytes: those that were not given for longest make room. */
export class MemoryTier {
  #mostBytes: number
  readonly #answers = new Map<string, KeptAnswer>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get size(): { readonly answers: number; readonly bytes: number } {
    return { answers: this.#answers.size, bytes: this.#bytes }
  }

  configure(mostBytes: number): void {
    this.#mostBytes = mostBytes
    this.#makeRoom()
  }

  /** Undefined also for one that was kept before `since`, in milliseconds since 1970. */
  get(key: string, since: number): KeptAnswer | undefined {
    const answer = this.#answers.get(key)
    if (!answer) return undefined
    this.#delete(key, answer)
    if (answer.keptAt < since) return undefined
    this.#put(key, answer)
    return answer
  }

  set(key: string, answer: KeptAnswer): void {
    const former = this.#answers.get(key)
    if (former) this.#delete(key, former)
    if (answer.size > this.#mostBytes) return
    this.#put(key, answer)
    this.#makeRoom()
  }

  #makeRoom(): void {
    for (const [oldest, { size }] of this.#answers) {
      if (this.#bytes <= this.#mostBytes) return
      this.#answers.delete(oldest)
      this.#bytes -= size
    }
  }

  #put(key: string, answer: KeptAnswer): void {
    this.#answers.set(key, answer)
    this.#bytes += answer.size
  }

  #delete(key: string, { size }: KeptAnswer): void {
    this.#answers.delete(key)
    this.#bytes -= size
  }
}
