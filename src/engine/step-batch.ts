import type { LoadedModel } from './binding/model.ts'
import type { Choice } from './choice.ts'
import type { KvCache } from './kv-cache.ts'
import type { StepPlan } from './step-plan.ts'
import type { Ticket } from './ticket.ts'

/** A row of the batch whose logits choose the next token, and the rows behind it that hold guesses. */
export interface Output {
  readonly ticket: Ticket
  readonly choice: Choice
  readonly row: number
  readonly guessed: readonly number[]
}

interface Decoding {
  readonly ticket: Ticket
  readonly choice: Choice
}

/** What may follow a choice's next token, at most `room` tokens; `batched` rows are in the step without them. */
type Guess = (ticket: Ticket, choice: Choice, room: number, batched: number) => readonly number[]

export const nothingGuessed: readonly number[] = []

/** Another piece costs more than so many tokens too many (docs/decisions/0008-streams.md). */
const longestBridge = 2

/**
 * Writes the tokens of a step into llama.cpp's batch. Streams that follow each other, with as many tokens each, are
 * evaluated in one piece; everything else in pieces of its own.
 */
export class StepBatch {
  readonly #model: LoadedModel
  readonly #cache: KvCache
  readonly #guess: Guess
  /** Free streams that take part in the step to join others. */
  readonly #bridges: number[] = []
  #rows = 0
  #outputs: Output[] = []

  constructor(model: LoadedModel, cache: KvCache, guess: Guess) {
    this.#model = model
    this.#cache = cache
    this.#guess = guess
  }

  /** Returns which rows will have logits, and for whom. */
  fill({ decoding, chunks }: StepPlan): Output[] {
    const { batch, streams } = this.#model
    this.#rows = 0
    this.#outputs = []
    const open: Decoding[] = []
    for (const ticket of decoding)
      for (const choice of ticket.choices) if (!choice.finishReason) open.push({ ticket, choice })
    if (streams) open.sort((a, b) => a.choice.sequence - b.choice.sequence)
    this.#putDecoding(open, chunks)
    if (chunks.size > 0)
      for (const [ticket, chunk] of streams ? downwards(chunks) : chunks) this.#putChunk(ticket, chunk)
    batch.native.n_tokens = this.#rows
    return this.#outputs
  }

  #putDecoding(open: readonly Decoding[], chunks: StepPlan['chunks']): void {
    const { batchTokens, streams } = this.#model
    const mayGuess = chunks.size === 0 && (!streams || open.length === 1)
    let room = batchTokens - open.length
    for (const chunk of chunks.values()) room -= chunk
    let previous: number | undefined
    for (const { ticket, choice } of open) {
      if (streams && previous !== undefined) room -= this.#bridge(previous + 1, choice.sequence, room)
      previous = choice.sequence
      if (choice.index > 0 && choice.outputTokens === 1) this.#beginWithPromptOf(ticket, choice)
      const guessed = mayGuess ? this.#guess(ticket, choice, room, open.length) : nothingGuessed
      room -= guessed.length
      this.#outputs.push({ ticket, choice, row: this.#rows, guessed })
      this.#put(choice.nextToken, choice.position++, choice.sequence, true)
      let position = choice.position
      for (const token of guessed) this.#put(token, position++, choice.sequence, true)
    }
  }

  /** The prompt was evaluated once, in the first choice's sequence. */
  #beginWithPromptOf({ choices }: Ticket, { sequence }: Choice): void {
    const { llama, memory } = this.#model
    llama.sequenceCopy(memory, choices[0]?.sequence ?? 0, sequence, -1, -1)
  }

  #putChunk(ticket: Ticket, chunk: number): void {
    const sequence = ticket.choices[0]?.sequence ?? 0
    const end = ticket.evaluated + chunk
    for (; ticket.evaluated < end; ticket.evaluated++) {
      const last = ticket.evaluated === ticket.context.length - 1
      const begins = last && ticket.choices[0]?.outputTokens === 0
      if (begins)
        for (const choice of ticket.choices)
          this.#outputs.push({ ticket, choice, row: this.#rows, guessed: nothingGuessed })
      this.#put(ticket.context[ticket.evaluated] ?? 0, ticket.evaluated, sequence, begins)
    }
  }

  /**
   * Joins streams that a short gap of free ones separates, by a token in each of these that is forgotten afterwards.
   * Returns how many tokens that took.
   */
  #bridge(from: number, to: number, room: number): number {
    if (to - from > Math.min(longestBridge, room)) return 0
    for (let sequence = from; sequence < to; sequence++) if (!this.#cache.isFree(sequence)) return 0
    for (let sequence = from; sequence < to; sequence++) {
      this.#put(0, 0, sequence, false)
      this.#bridges.push(sequence)
    }
    return to - from
  }

  #put(token: number, position: number, sequence: number, wantsLogits: boolean): void {
    const { batch } = this.#model
    const row = this.#rows++
    batch.token[row] = token
    batch.position[row] = position
    batch.sequence[row] = sequence
    batch.wantsLogits[row] = wantsLogits ? 1 : 0
  }

  /** The step is over: what only joined others is forgotten. */
  evaluated(): void {
    const { llama, memory } = this.#model
    for (const sequence of this.#bridges) llama.sequenceRemove(memory, sequence, -1, -1)
    this.#bridges.length = 0
  }
}

/** So that none follows the one before it and each is evaluated in a piece of its own, however long it is. */
function downwards(chunks: StepPlan['chunks']): [Ticket, number][] {
  const sequenceOf = ([{ choices }]: [Ticket, number]) => choices[0]?.sequence ?? 0
  return [...chunks].sort((a, b) => sequenceOf(b) - sequenceOf(a))
}
