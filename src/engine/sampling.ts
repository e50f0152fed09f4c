import type { Functions, Pointer } from './binding/abi.ts'
import type { Job } from './protocol.ts'

/**
 * A native sampler chain for one choice, in the order that llama.cpp's own server uses.
 * The vocabulary never crosses into JavaScript. Tokens that are `forbidden` are not chosen, whatever the request says of
 * them. Free it with `samplerFree`.
 */
export function samplerFor(
  llama: Functions,
  vocabulary: number,
  contextTokens: number,
  job: Job,
  choice: number,
  forbidden: readonly number[],
): Pointer {
  const { sampling } = job
  const chain = llama.samplerChain({ no_perf: true })
  const add = (sampler: Pointer) => llama.samplerAdd(chain, sampler)
  if (sampling.logitBias.length > 0 || forbidden.length > 0) {
    const biases = sampling.logitBias.map(([token, bias]) => ({ token, bias }))
    for (const token of forbidden) biases.push({ token, bias: -Infinity })
    add(llama.samplerLogitBias(vocabulary, biases.length, biases))
  }
  if (sampling.repeatPenalty !== 1 && sampling.repeatLastN > 0) {
    add(llama.samplerPenalties(vocabulary, sampling.repeatLastN, sampling.repeatPenalty, 0, 0))
  }
  // OpenAI counts every token of the answer so far, so this one looks back over the whole context.
  if (sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0) {
    add(llama.samplerPenalties(vocabulary, contextTokens, 1, sampling.frequencyPenalty, sampling.presencePenalty))
  }
  if (sampling.temperature === 0) {
    add(llama.samplerGreedy())
    return chain
  }
  if (sampling.topK > 0) add(llama.samplerTopK(sampling.topK))
  if (sampling.topP < 1) add(llama.samplerTopP(sampling.topP, 1))
  if (sampling.minP > 0) add(llama.samplerMinP(sampling.minP, 1))
  if (sampling.temperature !== 1) add(llama.samplerTemperature(sampling.temperature))
  // Choices of one request must differ, and the same request must give the same choices.
  add(llama.samplerDist((sampling.seed + choice) >>> 0))
  return chain
}
