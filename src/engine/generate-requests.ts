import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import { AnswerParser } from './answer-parser.ts'
import type { AnswerPlan } from './answer-plan.ts'
import { EventQueue } from './event-queue.ts'
import type { Delta, Done, Job, LoadOptions } from './protocol.ts'

interface Used {
  inputTokens: number
  cachedTokens: number
  outputTokens: number
}

interface Outstanding {
  readonly queue: EventQueue
  readonly firstChoice: number
  /** By choice; empty when the answer is text as it comes. */
  readonly parsers: readonly AnswerParser[]
  readonly request: Used & { jobsLeft: number }
  /** What was used by what has been told, for answers that are ended before they are complete. */
  readonly told: Used
}

interface Sending {
  readonly nextId: () => number
  readonly send: (job: Job) => void
  /** Called for each job that is left before it is complete. */
  readonly cancel: (id: number) => void
  readonly signal: AbortSignal
}

/** An answer on its way to its reader. */
interface Answer {
  readonly events: EventQueue
  /** The reader has all of it. */
  complete(): void
  /** The reader is gone, for whatever reason. */
  leave(): void
}

interface Bounds extends Pick<LoadOptions, 'model' | 'parallel'> {
  readonly queueLimit: number
}

/** Requests whose answers the engine's process is generating, one job for each prompt. */
export class GenerateRequests {
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #bounds: Bounds
  #secondsPerRequest = 1

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** Jobs, not requests. */
  get size(): number {
    return this.#outstanding.size
  }

  refuseWhenFull(more: number): void {
    const { parallel, queueLimit, model } = this.#bounds
    if (this.#outstanding.size + more <= parallel + queueLimit) return
    const seconds = Math.ceil((this.#secondsPerRequest * this.#outstanding.size) / parallel)
    throw new InferloomError(
      'engine_overloaded',
      `Model ${model} is answering ${parallel} requests and ${queueLimit} more are waiting. ` +
        'Remedy: retry after the time given, or raise engine.queue in the configuration.',
      { retryAfterSeconds: Math.min(Math.max(seconds, 1), 30) },
    )
  }

  /** Sends the jobs of a request. */
  begin({ jobs, shape }: AnswerPlan, { nextId, send, cancel, signal }: Sending): Answer {
    const queue = new EventQueue()
    const request = { jobsLeft: jobs.length, inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
    const told = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
    const n = jobs[0]?.n ?? 0
    const parsers = shape ? Array.from({ length: n }, (_, choice) => new AnswerParser(choice, shape)) : []
    const began = performance.now()
    const ids = jobs.map((job, index) => {
      const id = nextId()
      this.#outstanding.set(id, { queue, firstChoice: index * n, parsers, request, told })
      send({ ...job, id })
      return id
    })
    const onAbort = () => {
      if (told.outputTokens > 0) queue.push({ type: 'response-metadata', usage: usageOf(told, parsers) })
      queue.fail(asInferloomError(signal.reason))
    }
    signal.addEventListener('abort', onAbort)
    return {
      events: queue,
      complete: () => {
        this.#secondsPerRequest += ((performance.now() - began) / 1000 - this.#secondsPerRequest) / 8
      },
      leave: () => {
        signal.removeEventListener('abort', onAbort)
        for (const id of ids) if (this.#outstanding.delete(id)) cancel(id)
      },
    }
  }

  onStep({ deltas, done }: { readonly deltas: readonly Delta[]; readonly done: readonly Done[] }): void {
    for (const delta of deltas) {
      const to = this.#outstanding.get(delta.id)
      if (!to) continue
      to.told.outputTokens += delta.tokens ?? 1
      if (delta.prompt) {
        to.told.inputTokens += delta.prompt[0]
        to.told.cachedTokens += delta.prompt[1]
      }
      to.queue.push(...eventsOf(delta, to))
    }
    for (const each of done) this.#finish(each)
  }

  #finish({ id, promptTokens, cachedTokens, outputTokens }: Done): void {
    const finished = this.#take(id)
    if (!finished) return
    const { queue, request, parsers } = finished
    request.inputTokens += promptTokens
    request.cachedTokens += cachedTokens
    request.outputTokens += outputTokens
    if (--request.jobsLeft > 0) return
    queue.push({ type: 'finish', usage: usageOf(request, parsers) })
    queue.end()
  }

  #take(id: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(id)
    this.#outstanding.delete(id)
    return outstanding
  }

  fail(id: number, error: InferloomError): void {
    this.#take(id)?.queue.fail(error)
  }

  failAll(error: InferloomError): void {
    const all = [...this.#outstanding.values()]
    this.#outstanding.clear()
    for (const { queue } of all) queue.fail(error)
  }
}

function usageOf(used: Used, parsers: readonly AnswerParser[]): Usage {
  const { inputTokens, cachedTokens: cacheRead, outputTokens: total } = used
  const reasoning = parsers.reduce((sum, parser) => sum + parser.reasoningTokens, 0)
  return {
    inputTokens: { total: inputTokens, cacheRead },
    outputTokens: { total, reasoning: Math.min(reasoning, total) },
  }
}

function eventsOf(
  { choice, text, logprobs, finishReason }: Delta,
  { firstChoice, parsers }: Outstanding,
): StreamEvent[] {
  const choiceIndex = firstChoice + choice
  const parser = parsers[choice]
  if (parser) {
    const events = text !== '' || logprobs ? parser.push(text, logprobs) : []
    return finishReason ? [...events, ...parser.end(finishReason)] : events
  }
  const events: StreamEvent[] = []
  if (text !== '' || logprobs) events.push({ type: 'text-delta', choiceIndex, text, ...(logprobs && { logprobs }) })
  if (finishReason) events.push({ type: 'text-end', choiceIndex, finishReason })
  return events
}
