import type { Usage } from '../canonical/usage.ts'
import type { Cost } from './price.ts'

/** What running models on this machine costs. */
export interface HardwareCost {
  /** US dollars for an hour in which it answers; instead of the rest. */
  readonly perHour?: number | undefined
  /** Drawn while it answers. */
  readonly watts?: number | undefined
  /** US dollars. */
  readonly perKWh?: number | undefined
  /** US dollars it cost to buy, and hours of answering that this is to be spread over. */
  readonly bought?: number | undefined
  readonly lifetimeHours?: number | undefined
}

/** Whoever states nothing has their models for nothing, and is told that this is no price. */
const free: Cost = { usd: 0, price: 'own hardware' }

/** US dollars an hour, or undefined where nothing was stated. */
export function hourly({ perHour, watts, perKWh, bought, lifetimeHours }: HardwareCost): number | undefined {
  if (perHour !== undefined) return perHour
  const power = watts === undefined || perKWh === undefined ? undefined : (watts / 1000) * perKWh
  const wear = bought === undefined || lifetimeHours === undefined ? undefined : bought / lifetimeHours
  return power === undefined && wear === undefined ? undefined : (power ?? 0) + (wear ?? 0)
}

/** The cost of a share of the machine's time. */
export function hardwareCost(perHour: number | undefined, machineMs: number): Cost {
  if (perHour === undefined) return free
  return { usd: (machineMs / 3_600_000) * perHour, price: `own hardware: ${perHour.toPrecision(3)} $/h` }
}

/** A prompt token takes about a tenth of the time of an output token, since prompts are read many tokens at a time. */
const promptShare = 0.1
/** After so many requests half of what is remembered is of the ones since then. */
const memory = 20

/** How long the models of this machine take for a token, as measured: what a request will cost is told from it. */
export class MachineSpeed {
  #ms = 0
  #tokens = 0

  learn(usage: Usage, machineMs: number): void {
    const tokens = weighed(usage)
    if (tokens === 0 || machineMs <= 0) return
    const kept = 0.5 ** (1 / memory)
    this.#ms = this.#ms * kept + machineMs
    this.#tokens = this.#tokens * kept + tokens
  }

  /** Milliseconds of the machine's time; 0 as long as nothing was measured. */
  expected(usage: Usage): number {
    return this.#tokens === 0 ? 0 : (weighed(usage) * this.#ms) / this.#tokens
  }
}

function weighed({ inputTokens, outputTokens }: Usage): number {
  return outputTokens.total + Math.max(0, inputTokens.total - inputTokens.cacheRead) * promptShare
}

/**
 * Shares out the machine's time: of n requests that run at once, each takes an nth of every moment. What all of them
 * are charged together is so the time in which the machine answered, and a request is the cheaper the better it is
 * batched: dollars per hour divided by measured throughput.
 */
export class MachineTime {
  /** ∫ dt / n(t), in milliseconds. */
  #clock = 0
  #at = 0
  #running = 0

  /** One more runs; returns what `end` takes. */
  begin(now: number): number {
    this.#advance(now)
    this.#running++
    return this.#clock
  }

  /** It ended; returns its share in milliseconds. */
  end(begun: number, now: number): number {
    this.#advance(now)
    this.#running--
    return this.#clock - begun
  }

  #advance(now: number): void {
    if (this.#running > 0) this.#clock += Math.max(0, now - this.#at) / this.#running
    this.#at = now
  }
}
