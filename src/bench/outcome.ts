/** What became of one request. Times are milliseconds of `performance.now()`. */
export interface Outcome {
  /** When it should have been sent. In a closed loop it is when it was. */
  readonly dueAt: number
  readonly sentAt: number
  /** The first thing that the model wrote; absent where nothing came. */
  readonly firstAt?: number
  /** The last. */
  readonly lastAt?: number
  /** The end of the answer, or when it was given up. */
  readonly endAt: number
  /** Events with something that the model wrote. */
  readonly pieces: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  /** Which counts are estimates, because the server did not tell them. */
  readonly estimated: 'none' | 'output' | 'both'
  /** Its class, such as `http 429` or `reset`; absent where the answer came whole. */
  readonly error?: string
  /** What was written, where it was asked for; of long ones the beginning. */
  readonly text?: string
  /** Whether the text holds what was expected; absent where nothing was. */
  readonly isRight?: boolean
}

/** Classes of errors where no server answers at all: to go on asking would only measure how fast it refuses. */
export const noAnswer: ReadonlySet<string> = new Set(['unreachable', 'no connection in time', 'not HTTP'])
