import { InferloomError } from '../canonical/errors.ts'
import type { LoadedModel } from './binding/model.ts'
import type { Job } from './protocol.ts'
import { Ticket } from './ticket.ts'
import { grammarSampler } from './token-sampler.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Throws, naming the field, for a job that this model could never answer, however long it waited. */
export function newTicket(job: Job, model: LoadedModel, tokenizer: Tokenizer): Ticket {
  const { llama, contextTokens, vocabulary, parallel, cells } = model
  if (job.n > parallel) {
    const message = `n is ${job.n}; this model answers at most ${parallel} choices at once.`
    throw new InferloomError('invalid_value', message, { param: 'n' })
  }
  for (const [token] of job.sampling.logitBias) {
    if (token < vocabulary) continue
    const message = `logit_bias names token ${token}; this model's tokens are 0 to ${vocabulary - 1}.`
    throw new InferloomError('invalid_value', message, { param: 'logit_bias' })
  }
  if (job.grammar !== undefined) llama.samplerFree(grammarSampler(model, job.grammar))
  const prompt = tokensOf(job, vocabulary, tokenizer)
  const room = contextTokens - prompt.length
  if (room < 1) {
    throw new InferloomError(
      'context_length_exceeded',
      `The prompt has ${prompt.length} tokens; this model's context holds ${contextTokens}, prompt and output together. ` +
        'Remedy: shorten the prompt.',
      { param: 'messages' },
    )
  }
  if (job.maxOutputTokens !== undefined && job.maxOutputTokens > room) {
    throw new InferloomError(
      'context_length_exceeded',
      `The prompt has ${prompt.length} tokens and max_tokens asks for ${job.maxOutputTokens}; this model's context ` +
        `holds ${contextTokens}. Remedy: ask for at most ${room}, or leave max_tokens out.`,
      { param: 'max_tokens' },
    )
  }
  const perChoice = job.maxOutputTokens ?? Math.min(room, Math.floor((cells - prompt.length) / job.n))
  if (prompt.length + perChoice * job.n > cells || perChoice < 1) {
    const message = `${job.n} choices of this length need more than the ${cells} tokens of cache there are.`
    throw new InferloomError('context_length_exceeded', message, { param: 'n' })
  }
  return new Ticket(job, prompt, perChoice)
}

function tokensOf({ prompt, addSpecial }: Job, vocabulary: number, tokenizer: Tokenizer): Int32Array {
  if (typeof prompt === 'string') {
    const tokens = tokenizer.encode(prompt, addSpecial)
    if (tokens.length > 0) return tokens
    throw new InferloomError('invalid_value', 'The prompt is empty.', { param: 'prompt' })
  }
  const unknown = prompt.find((token) => token >= vocabulary)
  if (unknown === undefined) return Int32Array.from(prompt)
  const message = `prompt names token ${unknown}; this model's tokens are 0 to ${vocabulary - 1}.`
  throw new InferloomError('invalid_value', message, { param: 'prompt' })
}
