import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import { logitsOf, type LoadedModel } from './binding/model.ts'
import { Choice } from './choice.ts'
import { tokenLogprobs } from './logprobs.ts'
import type { Delta, Done, EngineStats, Job } from './protocol.ts'
import { samplerFor } from './sampling.ts'
import type { Tokenizer } from './tokenizer.ts'

/** A request that holds sequences: first its prompt is evaluated in chunks, then all its choices decode. */
interface Running {
  readonly job: Job
  readonly prompt: Int32Array
  readonly maxOutputTokens: number
  readonly choices: readonly Choice[]
  readonly cells: number
  evaluated: number
}

interface Waiting {
  readonly job: Job
  readonly prompt: Int32Array
  readonly maxOutputTokens: number
}

export interface StepResult {
  readonly deltas: Delta[]
  readonly done: Done[]
}

/**
 * Continuous batching: every step evaluates one token of each decoding choice and, beside them, a chunk of the
 * prompts of those that have just joined. Requests join and leave at any step.
 *
 * The KV cells that a request can ever need are reserved before it starts, so none that was started has to stop.
 */
export class Scheduler {
  readonly #model: LoadedModel
  readonly #tokenizer: Tokenizer
  readonly #prefillChunk: number
  readonly #waiting: Waiting[] = []
  readonly #running = new Map<number, Running>()
  /** By sequence id: llama.cpp splits a batch whose ids do not ascend, so batches are filled in this order. */
  readonly #slots: ({ owner: Running; choice: Choice } | undefined)[]
  #cellsReserved = 0
  #stats = { steps: 0, promptTokens: 0, outputTokens: 0, decodeMs: 0, decodeCpuMs: 0 }

  constructor(model: LoadedModel, tokenizer: Tokenizer, prefillChunkTokens: number) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#prefillChunk = prefillChunkTokens
    this.#slots = Array.from({ length: model.parallel })
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.length === 0
  }

  stats(): EngineStats {
    const { user, system } = process.threadCpuUsage()
    return {
      ...this.#stats,
      threadCpuMs: (user + system) / 1000,
      running: this.#running.size,
      waiting: this.#waiting.length,
      freeSlots: this.#slots.filter((slot) => !slot).length,
      cellsReserved: this.#cellsReserved,
    }
  }

  /** Takes a request in. Throws at once when it can never be answered. */
  add(job: Job): void {
    const { contextTokens, vocabulary, parallel } = this.#model
    if (job.n > parallel) {
      throw new InferloomError(
        'invalid_value',
        `n is ${job.n}; this model answers at most ${parallel} choices at once.`,
        { param: 'n' },
      )
    }
    for (const [token] of job.sampling.logitBias) {
      if (token < vocabulary) continue
      const message = `logit_bias names token ${token}; this model's tokens are 0 to ${vocabulary - 1}.`
      throw new InferloomError('invalid_value', message, { param: 'logit_bias' })
    }
    const prompt = this.#tokens(job)
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
    const perChoice = job.maxOutputTokens ?? Math.min(room, Math.floor((this.#model.cells - prompt.length) / job.n))
    if (prompt.length + perChoice * job.n > this.#model.cells || perChoice < 1) {
      const message = `${job.n} choices of this length need more than the ${this.#model.cells} tokens of cache there are.`
      throw new InferloomError('context_length_exceeded', message, { param: 'n' })
    }
    this.#waiting.push({ job, prompt, maxOutputTokens: perChoice })
  }

  #tokens(job: Job): Int32Array {
    const { vocabulary, contextTokens } = this.#model
    if (typeof job.prompt === 'string') {
      const tokens = this.#tokenizer.encode(job.prompt, job.addSpecial)
      if (tokens.length > 0) return tokens
      throw new InferloomError('invalid_value', 'The prompt is empty: it has no tokens.', { param: 'prompt' })
    }
    const wrong = job.prompt.find((token) => token >= vocabulary)
    if (wrong !== undefined) {
      throw new InferloomError('invalid_value', `Token ${wrong} is not one of this model's ${vocabulary}.`, {
        param: 'prompt',
      })
    }
    return Int32Array.from(job.prompt.slice(0, contextTokens + 1))
  }

  /** Frees everything a request holds, at once. */
  cancel(id: number): void {
    const at = this.#waiting.findIndex(({ job }) => job.id === id)
    if (at !== -1) this.#waiting.splice(at, 1)
    const running = this.#running.get(id)
    if (running) this.#release(running)
  }

  /** Evaluates one batch and gives out what it brought. */
  step(): StepResult {
    this.#admit()
    const outputs = this.#fillBatch()
    const result: StepResult = { deltas: [], done: [] }
    if (outputs.length === 0) return result
    this.#decode()
    for (const { running, choice, row } of outputs) this.#sample(running, choice, row, result)
    for (const running of new Set(outputs.map((output) => output.running))) {
      if (running.choices.some((choice) => choice.finishReason === undefined)) continue
      const outputTokens = running.choices.reduce((sum, choice) => sum + choice.outputTokens, 0)
      result.done.push({ id: running.job.id, promptTokens: running.prompt.length, outputTokens })
      this.#release(running)
    }
    return result
  }

  /** Starts waiting requests in their order while there are sequences and cells for them. */
  #admit(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const free = [...this.#slots.keys()].filter((sequence) => !this.#slots[sequence])
      const cells = next.prompt.length + next.maxOutputTokens * next.job.n
      if (free.length < next.job.n || this.#cellsReserved + cells > this.#model.cells) return
      this.#waiting.shift()
      const choices = free.slice(0, next.job.n).map((sequence, index) => {
        const { llama, vocabulary, contextTokens } = this.#model
        const sampler = samplerFor(llama, vocabulary, contextTokens, next.job, index)
        return new Choice(index, sequence, sampler, next.job.stop)
      })
      const running: Running = { ...next, choices, cells, evaluated: 0 }
      for (const choice of choices) this.#slots[choice.sequence] = { owner: running, choice }
      this.#running.set(next.job.id, running)
      this.#cellsReserved += cells
    }
  }

  /** Writes this step's tokens into the batch; returns which of its rows will have logits, and for whom. */
  #fillBatch(): { running: Running; choice: Choice; row: number }[] {
    const { batch, batchTokens } = this.#model
    const chunks = this.#planPrefill(batchTokens)
    const outputs: { running: Running; choice: Choice; row: number }[] = []
    let row = 0
    const put = (token: number, position: number, sequence: number, wantsLogits: boolean) => {
      batch.token[row] = token
      batch.position[row] = position
      batch.sequence[row] = sequence
      batch.wantsLogits[row] = wantsLogits ? 1 : 0
      row++
    }
    for (const slot of this.#slots) {
      if (!slot || slot.choice.finishReason) continue
      const { owner, choice } = slot
      if (choice.outputTokens > 0) {
        outputs.push({ running: owner, choice, row })
        put(choice.nextToken, choice.position++, choice.sequence, true)
        continue
      }
      // The prompt is evaluated once, in the first choice's sequence; the others share its cells afterwards.
      const chunk = chunks.get(owner) ?? 0
      if (choice.index !== 0 || chunk === 0) continue
      const end = owner.evaluated + chunk
      for (; owner.evaluated < end; owner.evaluated++) {
        const last = owner.evaluated === owner.prompt.length - 1
        if (last) for (const each of owner.choices) outputs.push({ running: owner, choice: each, row })
        put(owner.prompt[owner.evaluated] ?? 0, owner.evaluated, choice.sequence, last)
      }
    }
    batch.native.n_tokens = row
    return outputs.length > 0 || row === 0 ? outputs : this.#prefillOnly()
  }

  /** A batch of prompt chunks alone has no logits to sample: it is evaluated, and the next one is filled. */
  #prefillOnly(): { running: Running; choice: Choice; row: number }[] {
    this.#decode()
    return []
  }

  /** How many prompt tokens each request may add: a small share while others decode, so that their gaps stay short. */
  #planPrefill(batchTokens: number): Map<Running, number> {
    const prefilling: Running[] = []
    let decoding = 0
    for (const running of this.#running.values()) {
      if (running.evaluated < running.prompt.length) prefilling.push(running)
      else decoding += running.choices.filter((choice) => !choice.finishReason).length
    }
    let room = batchTokens - decoding
    if (decoding > 0) room = Math.min(room, this.#prefillChunk)
    const chunks = new Map<Running, number>()
    for (const running of prefilling) {
      const chunk = Math.min(room, running.prompt.length - running.evaluated)
      chunks.set(running, chunk)
      room -= chunk
    }
    return chunks
  }

  #decode(): void {
    const { llama, context, batch } = this.#model
    const cpu = process.threadCpuUsage()
    const began = performance.now()
    const status = llama.decode(context, batch.native)
    this.#stats.decodeMs += performance.now() - began
    const after = process.threadCpuUsage()
    this.#stats.decodeCpuMs += (after.user - cpu.user + after.system - cpu.system) / 1000
    this.#stats.steps++
    // Cells are reserved beforehand, so a batch that does not fit or fails leaves a state nobody planned: start anew.
    if (status !== 0) throw new InferloomError('engine_failed', `llama_decode failed with status ${status}.`)
  }

  #sample(running: Running, choice: Choice, row: number, result: StepResult): void {
    const { llama, context, memory, vocab } = this.#model
    const { job } = running
    if (choice.outputTokens === 0) this.#begin(running, choice)
    const token = llama.samplerSample(choice.sampler, context, row)
    choice.nextToken = token
    choice.outputTokens++
    this.#stats.outputTokens++
    const isEnd = llama.vocabIsEnd(vocab, token)
    let { text, logprobs } = isEnd ? nothing : choice.accept(token, this.#tokenizer, this.#logprobs(job, row, token))
    if (isEnd) choice.finishReason = 'stop'
    else if (!choice.finishReason && choice.outputTokens >= running.maxOutputTokens) choice.finishReason = 'length'
    if (choice.finishReason) {
      const rest = choice.flush()
      text += rest.text
      logprobs = [...logprobs, ...rest.logprobs]
      llama.sequenceRemove(memory, choice.sequence, -1, -1)
    }
    if (text === '' && logprobs.length === 0 && !choice.finishReason) return
    result.deltas.push({
      id: job.id,
      choice: choice.index,
      text,
      ...(logprobs.length > 0 && { logprobs }),
      ...(choice.finishReason && { finishReason: choice.finishReason }),
    })
  }

  /** The prompt is evaluated: the first choice lends its cells to the others before it can end and free them. */
  #begin({ prompt, choices }: Running, choice: Choice): void {
    choice.position = prompt.length
    if (choice.index !== 0) return
    this.#stats.promptTokens += prompt.length
    const { llama, memory } = this.#model
    for (const { sequence } of choices.slice(1)) llama.sequenceCopy(memory, choice.sequence, sequence, 0, prompt.length)
  }

  #logprobs(job: Job, row: number, token: number) {
    if (job.topLogprobs === undefined) return undefined
    return tokenLogprobs(logitsOf(this.#model, row), token, job.topLogprobs, this.#tokenizer)
  }

  #release(running: Running): void {
    const { llama, memory } = this.#model
    for (const choice of running.choices) {
      llama.sequenceRemove(memory, choice.sequence, -1, -1)
      llama.samplerFree(choice.sampler)
      this.#slots[choice.sequence] = undefined
    }
    this.#running.delete(running.job.id)
    this.#cellsReserved -= running.cells
  }
}

const nothing = { text: '', logprobs: [] as const }

/** A refusal as the protocol carries it. */
export function refusalOf(thrown: unknown) {
  const { code, message, param } = asInferloomError(thrown)
  return { code, message, ...(param !== undefined && { param }) }
}
