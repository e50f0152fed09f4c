import type { Choice } from './choice.ts'
import type { Lease } from './kv-cache.ts'
import type { Job } from './protocol.ts'
import type { Waiting } from './waiting-list.ts'

/** Cells for this many output tokens are reserved at a time: few answers are as long as they may be. */
const reservedAtOnce = 512

/** One request in the scheduler, from its arrival to its end. */
export class Ticket implements Waiting {
  readonly job: Job
  readonly prompt: Int32Array
  readonly maxOutputTokens: number
  readonly arrivedAt = performance.now()
  /** Made when it starts for the first time. */
  choices: readonly Choice[] = []
  /** What it holds of the cache; absent while it waits. */
  lease: Lease | undefined
  /** What has to be in the cache before it can decode: the prompt, and what was decoded before it was set aside. */
  context: Int32Array
  evaluated = 0
  /** Prompt tokens that were shared, counted when it first started. */
  cachedTokens: number | undefined
  lastStepAt = 0

  constructor(job: Job, prompt: Int32Array, maxOutputTokens: number) {
    this.job = job
    this.prompt = prompt
    this.context = prompt
    this.maxOutputTokens = maxOutputTokens
  }

  get decoding(): boolean {
    return this.evaluated === this.context.length
  }

  get openChoices(): number {
    let open = 0
    for (const choice of this.choices) if (!choice.finishReason) open++
    return open
  }

  get finished(): boolean {
    return this.choices.length > 0 && this.openChoices === 0
  }

  /** Output tokens that cells are reserved for. Several choices cannot be set aside, so theirs are reserved at once. */
  reservedOutput = 0

  /** Reserves cells for the next tokens; returns how many more that takes. */
  reserveMore(): number {
    const { n } = this.job
    const decoded = this.choices[0]?.outputTokens ?? 0
    const wanted = n > 1 ? this.maxOutputTokens : Math.min(this.maxOutputTokens, decoded + reservedAtOnce)
    const more = (wanted - this.reservedOutput) * n
    this.reservedOutput = wanted
    return more
  }

  /** Whether the next step may need more cells than are reserved. */
  needsMore(tokensPerStep: number): boolean {
    const decoded = this.choices[0]?.outputTokens ?? 0
    return this.reservedOutput < Math.min(this.maxOutputTokens, decoded + tokensPerStep)
  }

  /** What the first choice's sequence holds in the cache. */
  heldTokens(): Int32Array {
    const [first] = this.choices
    if (!this.decoding || !first || first.outputTokens === 0) return this.context.slice(0, this.evaluated)
    // The token chosen last has not been evaluated.
    const held = new Int32Array(this.prompt.length + first.tokens.length)
    held.set(this.prompt)
    held.set(first.tokens, this.prompt.length)
    return held.subarray(0, first.position)
  }
}
