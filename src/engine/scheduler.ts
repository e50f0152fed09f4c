import { InferloomError } from '../canonical/errors.ts'
import { Candidates } from './binding/candidates.ts'
import type { LoadedModel } from './binding/model.ts'
import { Choice } from './choice.ts'
import { CpuBetweenSteps } from './cpu-between-steps.ts'
import { CrowdedCores } from './crowded-cores.ts'
import { KvCache } from './kv-cache.ts'
import { newTicket } from './new-ticket.ts'
import { GuessRecord, mostGuessed, PromptLookup } from './prompt-lookup.ts'
import type { Delta, Done, EngineStats, Job } from './protocol.ts'
import { nothingGuessed, StepBatch } from './step-batch.ts'
import { StepCost } from './step-cost.ts'
import { planStep, type PlanOptions } from './step-plan.ts'
import { StepSampling } from './step-sampling.ts'
import type { Ticket } from './ticket.ts'
import { TokenSampler } from './token-sampler.ts'
import type { Tokenizer } from './tokenizer.ts'
import { agedPriority, inOrder, ServedTokens } from './waiting-list.ts'

export interface SchedulerOptions {
  /** Prompt tokens in one evaluation while others decode, at most. */
  readonly prefillChunkTokens: number
  /** Milliseconds that running streams may have to wait for a step beside which prompts are evaluated. */
  readonly targetGapMs: number
  /** Ordinary memory for prefixes kept outside the cache. */
  readonly prefixCacheBytes: number
}

export interface StepResult {
  readonly deltas: Delta[]
  readonly done: Done[]
}

/** Above this temperature an answer repeats its prompt too seldom for guesses to hold. */
const lookupTemperature = 0.4

/**
 * Continuous batching: every step evaluates one token of each decoding choice and, beside them, a chunk of the
 * prompts of those that have just joined. Requests join and leave at any step.
 *
 * KV cells are reserved a few hundred output tokens ahead. Where they run out, whoever matters least and came last is
 * set aside: it waits, what it has evaluated is kept as any other prefix, and it goes on from there.
 */
export class Scheduler {
  readonly #model: LoadedModel
  readonly #tokenizer: Tokenizer
  readonly #candidates: Candidates
  readonly cache: KvCache
  readonly #waiting = new Set<Ticket>()
  readonly #running = new Set<Ticket>()
  readonly #served = new ServedTokens()
  readonly #guesses = new GuessRecord()
  /** Of steps that only decode, and of those that evaluate prompts: a token of a large batch costs less. */
  readonly #decodeCost = new StepCost()
  readonly #promptCost = new StepCost()
  readonly #planning: PlanOptions
  readonly #batch: StepBatch
  readonly #overhead = new CpuBetweenSteps()
  readonly #cores: CrowdedCores
  readonly #sampling: StepSampling
  #stats = { steps: 0, draftedTokens: 0, batchedTokens: 0, decodeMs: 0 }

  constructor(model: LoadedModel, tokenizer: Tokenizer, options: SchedulerOptions) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#planning = {
      decodeCost: this.#decodeCost,
      promptCost: this.#promptCost,
      parallel: model.parallel,
      streams: model.streams,
      batchTokens: model.batchTokens,
      prefillChunkTokens: options.prefillChunkTokens,
      targetGapMs: options.targetGapMs,
    }
    this.#cores = new CrowdedCores({
      threads: model.threads,
      setThreads: (threads) => model.llama.setThreads(model.context, threads, threads),
      cpuMs: processCpuMs,
    })
    this.#candidates = new Candidates(model)
    this.cache = new KvCache(model, options.prefixCacheBytes)
    this.#sampling = new StepSampling(model, tokenizer, this.#served)
    this.#batch = new StepBatch(model, this.cache, (ticket, choice, room, batched) =>
      this.#guess(ticket, choice, room, batched),
    )
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0
  }

  stats(): EngineStats {
    const choices = [...this.#running].reduce((sum, ticket) => sum + ticket.choices.length, 0)
    return {
      ...this.#stats,
      ...this.#sampling.stats,
      overheadCpuMs: this.#overhead.perStep * this.#stats.steps,
      running: this.#running.size,
      waiting: this.#waiting.size,
      freeSlots: Math.max(0, this.#model.parallel - choices),
      cellsReserved: this.cache.reserved,
      cellsUsed: this.cache.used,
      cells: this.#model.cells,
      keptSequences: this.cache.keptSequences,
    }
  }

  /** Takes a request in. Throws at once when it can never be answered. */
  add(job: Job): void {
    this.#waiting.add(newTicket(job, this.#model, this.#tokenizer))
    this.#served.join(job.owner)
  }

  /** Frees at once whatever the request holds. */
  cancel(id: number): void {
    for (const ticket of this.#running) if (ticket.job.id === id) this.#release(ticket)
    for (const ticket of this.#waiting) if (ticket.job.id === id) this.#forget(ticket)
  }

  #forget(ticket: Ticket): void {
    this.#waiting.delete(ticket)
    for (const choice of ticket.choices) choice.sampler.free()
    this.#served.leave(ticket.job.owner)
  }

  /** One evaluation, and what it gave to whom. */
  step(): StepResult {
    const now = performance.now()
    this.#reserveAhead(now)
    this.#admit(now)
    const plan = planStep(this.#running, now, this.#planning)
    const result: StepResult = { deltas: [], done: [] }
    const outputs = this.#batch.fill(plan)
    if (this.#model.batch.native.n_tokens === 0) return result
    this.#decode(plan.chunks.keys(), plan.chunks.size === 0 ? this.#decodeCost : this.#promptCost)
    for (const output of outputs) this.#sampling.take(output, result.deltas)
    for (const { ticket } of outputs) {
      ticket.lastStepAt = now
      // Released with the first of its outputs; the others find it gone.
      if (!ticket.finished || !this.#running.has(ticket)) continue
      const outputTokens = ticket.choices.reduce((sum, choice) => sum + choice.outputTokens, 0)
      result.done.push({
        id: ticket.job.id,
        promptTokens: ticket.prompt.length,
        cachedTokens: ticket.cachedTokens ?? 0,
        outputTokens,
      })
      this.#release(ticket)
    }
    return result
  }

  /** Starts waiting requests, in order, while there are sequences and cells for them. */
  #admit(now: number): void {
    if (this.#waiting.size === 0) return
    for (const ticket of inOrder(this.#waiting, now, this.#served)) {
      const priority = agedPriority(ticket, now)
      // Those that matter less do not count: they pause while this one runs.
      let busy = 0
      for (const other of this.#running) if (agedPriority(other, now) <= priority) busy += other.openChoices
      if (busy + ticket.job.n > this.#model.parallel) return
      const mayWaitFor = (sequence: number) => {
        for (const other of this.#running)
          if (other.lease?.sequences[0] === sequence) return agedPriority(other, now) <= priority
        return false
      }
      // Another is evaluating what this one begins with: it waits for that and lets those behind it pass.
      if (ticket.choices.length === 0 && this.cache.isPromised(ticket.context, mayWaitFor)) continue
      if (!this.#start(ticket) && !this.#setAsideFor(ticket, priority, now)) return
    }
  }

  #start(ticket: Ticket): boolean {
    this.#overhead.leaveOut()
    ticket.reservedOutput = 0
    ticket.reserveMore()
    // Of the output, what was decoded before it was set aside is in the context already.
    const output = ticket.reservedOutput * ticket.job.n - (ticket.context.length - ticket.prompt.length)
    const lease = this.cache.open(ticket.context, ticket.job.n, output)
    if (!lease) return false
    this.#waiting.delete(ticket)
    this.#running.add(ticket)
    ticket.lease = lease
    ticket.evaluated = lease.attached
    ticket.lastStepAt = performance.now()
    if (ticket.choices.length === 0) {
      ticket.cachedTokens = lease.attached
      ticket.choices = lease.sequences.map((sequence, index) => this.#choiceOf(ticket, sequence, index))
    } else {
      ticket.choices.forEach((choice, index) => (choice.sequence = lease.sequences[index] ?? 0))
    }
    return true
  }

  #choiceOf({ job, prompt }: Ticket, sequence: number, index: number): Choice {
    const forbidden = job.ignoreEnd === true ? this.#tokenizer.endTokens : none
    const sampler = new TokenSampler(this.#model, this.#candidates, job, index, forbidden)
    const repeats = job.n === 1 && job.sampling.temperature <= lookupTemperature && this.#model.canShare
    return new Choice(index, sequence, job, {
      sampler,
      ...(repeats && { lookup: new PromptLookup(prompt, this.#guesses) }),
    })
  }

  /** Sets aside those who matter less, as many as it takes to start this one. */
  #setAsideFor(ticket: Ticket, priority: number, now: number): boolean {
    for (const other of this.#leastFirst(now)) {
      if (agedPriority(other, now) <= priority) return false
      this.#setAside(other)
      if (this.#start(ticket)) return true
    }
    return false
  }

  /** Makes sure that the next step of everyone has its cells. The one who matters most always gets them. */
  #reserveAhead(now: number): void {
    for (const ticket of this.#running) {
      if (!ticket.lease || !ticket.needsMore(mostTokensPerStep)) continue
      const more = ticket.reserveMore()
      while (ticket.lease && !this.cache.extend(ticket.lease, more)) {
        const [least = ticket] = this.#leastFirst(now)
        this.#setAside(least)
      }
    }
  }

  /** Those who could be set aside: the least important first, the latest of those. */
  #leastFirst(now: number): Ticket[] {
    return [...this.#running]
      .filter(({ job }) => job.n === 1)
      .sort((a, b) => agedPriority(b, now) - agedPriority(a, now) || b.arrivedAt - a.arrivedAt)
  }

  #setAside(ticket: Ticket): void {
    const held = ticket.heldTokens()
    if (ticket.lease) this.cache.close(ticket.lease, held)
    ticket.lease = undefined
    if (ticket.decoding) ticket.context = held.slice()
    ticket.evaluated = 0
    this.#running.delete(ticket)
    this.#waiting.add(ticket)
  }

  #guess({ maxOutputTokens }: Ticket, { lookup, outputTokens }: Choice, room: number, batched: number) {
    // The last token of the answer is sampled, not guessed: its successor would have no cell.
    const most = Math.min(room, maxOutputTokens - outputTokens - 1)
    if (!lookup || most < 1) return nothingGuessed
    const guessed = lookup.guess(most, batched, this.#decodeCost)
    this.#stats.draftedTokens += guessed.length
    return guessed
  }

  #decode(prefilled: Iterable<Ticket>, cost: StepCost): void {
    const { llama, context, batch } = this.#model
    this.#overhead.stepBegins()
    const began = performance.now()
    this.#cores.begins(began)
    let status = llama.decode(context, batch.native)
    // 1: no cells in one piece for this batch, https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
    if (status === 1 && this.cache.evictAll()) status = llama.decode(context, batch.native)
    const ended = performance.now()
    const took = ended - began
    this.#cores.ends(ended, took)
    cost.observe(batch.native.n_tokens, took)
    this.#overhead.stepEnds()
    this.#stats.decodeMs += took
    this.#stats.steps++
    this.#stats.batchedTokens += batch.native.n_tokens
    // Cells are reserved beforehand, so a batch that does not fit or fails leaves a state nobody planned: start anew.
    if (status !== 0) throw new InferloomError('engine_failed', `llama_decode failed with status ${status}.`)
    this.#batch.evaluated()
    this.cache.stepped()
    for (const ticket of prefilled) {
      const [sequence] = ticket.lease?.sequences ?? []
      if (sequence !== undefined) this.cache.setEvaluated(sequence, ticket.evaluated)
    }
  }

  #release(ticket: Ticket): void {
    this.#overhead.leaveOut()
    if (ticket.lease) this.cache.close(ticket.lease, ticket.heldTokens())
    ticket.lease = undefined
    this.#running.delete(ticket)
    for (const choice of ticket.choices) choice.sampler.free()
    this.#served.leave(ticket.job.owner)
  }
}

/** One token, and as many guesses as there ever are. */
const mostTokensPerStep = 1 + mostGuessed

const none: readonly number[] = []

function processCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
