import type { Usage } from '../canonical/usage.ts'
import type { MachineTime } from './own-hardware.ts'

/** What is asked of a price list. */
export interface Charged {
  /** The name of the provider in the configuration; `local` for models on this machine. */
  readonly provider: string
  /** The model that was asked, in its provider's words, and the one that says it answered, where it says. */
  readonly model: string
  readonly answeredBy?: string | undefined
  readonly usage: Usage
  /** Milliseconds since 1970 at which it was asked: prices change. */
  readonly at: number
  /** Of a local model: its share of the machine's time, in milliseconds; absent where it is to be estimated. */
  readonly machineMs?: number
}

export interface Cost {
  /** In US dollars. */
  readonly usd: number
  /** What it was computed from, for people: `openai gpt-4o: input 2.5, cache_read 1.25, output 10 $/M`. */
  readonly price: string
}

/** An answer that the ledger has, in its words, or what it would have been otherwise. */
export interface PricedAgain {
  readonly provider: string
  /** The model that answered. */
  readonly servedModel: string
  /** `Cost.price` of the answer, where it was paid for: its tier and the user's own prices are in it. */
  readonly price?: string | undefined
  readonly usage: Usage
  readonly at: number
}

/** Says what an answer cost. */
export interface Prices {
  /** Shares out this machine's time among local models. */
  readonly machine: MachineTime
  /** A promise as long as the prices of this provider are being loaded. */
  prepare(provider: string): Promise<void> | undefined
  /** Undefined is unknown, never free. */
  cost(charged: Charged): Cost | undefined
  /** What other usage would have cost at the price of an answer that was priced before. Undefined is unknown. */
  again(asked: PricedAgain): Cost | undefined
  /** Tokens of prompt and answer together, as the list has it. */
  contextOf?(provider: string, model: string): number | undefined
}
