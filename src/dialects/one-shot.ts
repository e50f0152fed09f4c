import type { InferloomError } from '../canonical/errors.ts'

/** A wire that clients speak to endpoints that answer whole: one folder each, beside those of `Dialect`. */
export interface OneShotDialect<Request, Result> {
  readonly name: string
  /** To which clients POST, as those of `Dialect`. */
  readonly paths: readonly string[]
  /** Whether a body says everything itself, so that it may be passed on as it stands; absent means it does. */
  readonly relayable?: (body: Readonly<Record<string, unknown>>) => boolean
  /** Finds what a body only refers to, such as earlier answers, for `parse`; `owner` is whose they must be. */
  readonly recall?: (body: Readonly<Record<string, unknown>>, owner: string) => Promise<unknown>
  /**
   * Throws an error that names the field at fault as the client spelled it. `params` are those of the address,
   * `recalled` is what `recall` found.
   */
  parse(body: unknown, params: Readonly<Record<string, string>>, recalled?: unknown): ParsedOnce<Request, Result>
  /** An error in the shape of this wire; absent means OpenAI's. */
  readonly errorBody?: (error: InferloomError, requestId: string) => object
  /** The header in which its clients look for the id of their request; absent means `x-request-id` alone. */
  readonly idHeader?: 'request-id'
}

interface ParsedOnce<Request, Result> {
  readonly request: Request
  /** The answer as one JSON text; `id` is unique to the request. */
  readonly write: (id: string, result: Result) => string
  readonly headers?: (result: Result) => Readonly<Record<string, string>>
}
