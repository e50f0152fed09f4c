import { syllables } from './random-vocabulary.ts'
import { pick, seededRandom } from './seeded-random.ts'

/** What ChatML puts around one user's message, in tokens of the random vocabulary. */
export const framing = 16

/** A message that makes a prompt of about so many tokens: syllables apart are one token each. */
export function messageOf(promptTokens: number, seed: number): string {
  const random = seededRandom(seed)
  return Array.from({ length: Math.max(1, promptTokens - framing) }, () => pick(random, syllables)).join(' ')
}

/** One user's message as the template of the random model renders it. */
export function asChatMl(message: string): string {
  return `<|im_start|>user\n${message}<|im_end|>\n<|im_start|>assistant\n`
}
