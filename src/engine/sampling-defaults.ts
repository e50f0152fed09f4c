import type { Sampling } from '../canonical/request.ts'

/**
 * What a request that names no sampling gets: the values of llama.cpp's own server, which small models need.
 * https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
 */
export const samplingDefaults: Sampling = {
  temperature: 0.8,
  topP: 0.95,
  topK: 40,
  minP: 0.05,
  repeatPenalty: 1,
  repeatLastN: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
}
