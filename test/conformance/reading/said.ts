// What an answer says, whatever wire it came on. The readers beside this file are written for the tests alone and share
// nothing with those of the project: what both understand of one answer must be the same.
export interface Said {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly Call[]
  readonly finish: string
  readonly logprobs: readonly (readonly [token: string, logprob: number])[]
  readonly usage: SaidUsage
}

export interface Call {
  /** Undefined where the wire has none. */
  readonly id: string | undefined
  readonly name: string
  /** The JSON that was written, or the text where it is none. */
  readonly arguments: unknown
}

/** Totals, whatever the wire counts beside them; undefined where it does not say. */
interface SaidUsage {
  readonly input: number | undefined
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly output: number | undefined
  readonly reasoning: number
}

/** How a wire is read: a whole body, or the payloads of a stream's events in their order. */
export interface WireReading {
  whole(body: unknown): Said
  stream(payloads: readonly unknown[]): Said
}

export function jsonOf(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The payloads of server-sent events, of which `[DONE]` is none. */
export function payloadsOf(text: string): unknown[] {
  return text
    .split(/\r?\n\r?\n/)
    .filter((event) => event.trim() !== '')
    .map(
      (event) =>
        event
          .split(/\r?\n/)
          .find((line) => line.startsWith('data: '))
          ?.slice('data: '.length) ?? '',
    )
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as unknown)
}
