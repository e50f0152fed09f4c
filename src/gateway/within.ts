import type { Timekeeper } from './timekeeper.ts'

/** What `within` resolves with when the time was up first. */
export const late = Symbol('late')

/** Waits so many milliseconds for it at most. What comes later, also an error, is nobody's concern any more. */
export async function within<T>(
  timekeeper: Timekeeper,
  milliseconds: number,
  asked: Promise<T>,
): Promise<T | typeof late> {
  const over = Promise.withResolvers<typeof late>()
  const cancel = timekeeper.after(milliseconds, () => over.resolve(late))
  asked.catch(() => {})
  try {
    return await Promise.race([asked, over.promise])
  } finally {
    cancel()
  }
}
