import type { Usage } from '../canonical/usage.ts'

/** What is asked of a price list. */
export interface Charged {
  /** The name of the provider in the configuration. */
  readonly provider: string
  /** What kind of service it is, such as `openai`; `local` for models on this machine. */
  readonly kind: string
  /** The model that answered, in its provider's words. */
  readonly model: string
  readonly usage: Usage
  /** Milliseconds since 1970 at which it was asked: prices change. */
  readonly at: number
  /** From sending to the last token, in milliseconds: what a model on own hardware is paid by. */
  readonly durationMs: number
}

export interface Cost {
  /** In US dollars. */
  readonly usd: number
  /** What it was computed from, for people: `openai gpt-4o, 2024-08-06: input 2.5, cached 1.25, output 10 $/M`. */
  readonly price: string
}

/** Says what an answer cost. Undefined is unknown, never free. */
export interface Prices {
  cost(charged: Charged): Cost | undefined
}
