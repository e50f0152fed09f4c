import type { Job } from '../src/engine/protocol.ts'

/** Always the likeliest token. */
export const greedy: Job['sampling'] = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repeatPenalty: 1,
  repeatLastN: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  seed: 1,
}
