// What does not cross: of a request on its way from a dialect, or to a provider's wire; of an answer on its way back. The
// tests beside this file hold each line to be true, no more and no less, and docs/compatibility.md is written from it.

/** `refused`: an error that names the field. `lost`: left out without an error. `none`: the wire has no word for it. */
export type Outcome = 'refused' | 'lost' | 'none'

export interface Gap {
  /** Dialects where `of` is the dialects', else provider's wires. */
  readonly on: readonly string[]
  readonly what: string
  readonly outcome: Outcome
  /** For people, as the end of a sentence about the wire. */
  readonly why: string
}

/** Of answers as dialects write them. */
export const answerGapsOfDialects: readonly Gap[] = [
  {
    on: ['anthropic-messages'],
    what: 'logprobs',
    outcome: 'none',
    why: 'Messages has no log probabilities, so none are asked for either',
  },
  {
    on: ['openai-chat', 'openai-completions', 'openai-responses', 'gemini'],
    what: 'cache-write',
    outcome: 'none',
    why: 'usage there says what was read from a cache, not what was written to one',
  },
  {
    on: ['openai-chat', 'openai-completions', 'anthropic-messages', 'gemini'],
    what: 'custom-calls',
    outcome: 'none',
    why: 'tools that take free text can only be offered on the Responses API',
  },
]

/** Of answers as wires of providers carry them. */
export const answerGapsOfWires: readonly Gap[] = [
  {
    on: ['gemini'],
    what: 'call-ids',
    outcome: 'none',
    why: 'most models give calls no ids; clients get one that is made here',
  },
]

export function gapIn(gaps: readonly Gap[], on: string, what: string): Gap | undefined {
  return gaps.find((gap) => gap.what === what && gap.on.includes(on))
}
