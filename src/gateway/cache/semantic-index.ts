import type { CacheAsked } from './answer-cache.ts'
import type { KeptAnswer } from './kept-answer.ts'

/** Finds questions that were asked in other words. */
export interface SemanticIndex {
  /** Whether the requests for a model are looked for at all; they are kept then, also where they leave the answer to chance. */
  wants(model: string): boolean
  /** The key of a kept answer to a question that means the same; undefined where none surely does. Never rejects. */
  find(asked: CacheAsked, key: string): Promise<string | undefined>
  /** An answer was kept. */
  kept(asked: CacheAsked, key: string, answer: KeptAnswer): void
}
