import { logitsOf, type LoadedModel } from './binding/model.ts'
import type { Choice } from './choice.ts'
import { tokenLogprobs } from './logprobs.ts'
import type { Delta, Job } from './protocol.ts'
import type { Output } from './step-batch.ts'
import type { Ticket } from './ticket.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { ServedTokens } from './waiting-list.ts'

/** Chooses the tokens that follow one evaluation, and says what text they are. */
export class StepSampling {
  readonly #model: LoadedModel
  readonly #tokenizer: Tokenizer
  readonly #served: ServedTokens
  readonly stats = { promptTokens: 0, outputTokens: 0, cachedTokens: 0, acceptedTokens: 0 }

  constructor(model: LoadedModel, tokenizer: Tokenizer, served: ServedTokens) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#served = served
  }

  /** Samples at one row and, as long as the guesses hold, at those behind it. */
  take({ ticket, choice, row, guessed }: Output, deltas: Delta[]): void {
    if (choice.outputTokens === 0) this.#begin(ticket, choice)
    let right = 0
    for (;;) {
      this.#sample(ticket, choice, row + right, deltas)
      if (choice.finishReason || right === guessed.length || choice.nextToken !== guessed[right]) break
      right++
      choice.position++
    }
    if (guessed.length === 0) return
    this.stats.acceptedTokens += right
    choice.lookup?.settle(guessed.length, right)
    const { llama, memory } = this.#model
    if (!choice.finishReason) llama.sequenceRemove(memory, choice.sequence, choice.position, -1)
  }

  #sample(ticket: Ticket, choice: Choice, row: number, deltas: Delta[]): void {
    const { job, maxOutputTokens } = ticket
    const token = choice.sampler.sample(row)
    const isEnd = token === undefined || this.#tokenizer.isEnd(token)
    if (token !== undefined) {
      choice.nextToken = token
      choice.tokens.push(token)
      choice.lookup?.push(token)
      this.stats.outputTokens++
      this.#served.add(job.owner, 1)
    }
    let { text, logprobs } = isEnd ? nothing : choice.accept(token, this.#tokenizer, this.#logprobs(job, row, token))
    if (isEnd) choice.finishReason = 'stop'
    else if (!choice.finishReason && choice.outputTokens >= maxOutputTokens) choice.finishReason = 'length'
    if (choice.finishReason) {
      const rest = choice.flush()
      text += rest.text
      logprobs = [...logprobs, ...rest.logprobs]
    }
    if (text === '' && logprobs.length === 0 && !choice.finishReason) return
    const tokens = choice.outputTokens - choice.told
    const isFirst = choice.index === 0 && choice.told === 0
    choice.told = choice.outputTokens
    deltas.push({
      id: job.id,
      choice: choice.index,
      text,
      ...(tokens !== 1 && { tokens }),
      ...(isFirst && { prompt: [ticket.prompt.length, ticket.cachedTokens ?? 0] as const }),
      ...(logprobs.length > 0 && { logprobs }),
      ...(choice.finishReason && { finishReason: choice.finishReason }),
    })
  }

  /** The prompt is evaluated. */
  #begin({ job, prompt, cachedTokens = 0 }: Ticket, choice: Choice): void {
    choice.position = prompt.length
    if (choice.index !== 0) return
    this.stats.promptTokens += prompt.length
    this.stats.cachedTokens += cachedTokens
    this.#served.add(job.owner, prompt.length - cachedTokens)
  }

  #logprobs(job: Job, row: number, token: number) {
    if (job.topLogprobs === undefined) return undefined
    return tokenLogprobs(logitsOf(this.#model, row), token, job.topLogprobs, this.#tokenizer)
  }
}

const nothing = { text: '', logprobs: [] as const }
