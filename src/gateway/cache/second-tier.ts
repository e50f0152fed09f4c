import type { KeptAnswer } from './kept-answer.ts'

/** Where answers are kept that do not fit in memory, or outlive the process. Never throws: what cannot be read is a miss. */
export interface SecondTier {
  /** Undefined also for one that was kept before `since`, in milliseconds since 1970, and where it would take too long. */
  get(key: string, since: number): Promise<KeptAnswer | undefined>
  set(key: string, answer: KeptAnswer): void
  close(): Promise<void>
}
