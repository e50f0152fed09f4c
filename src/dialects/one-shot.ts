/** A wire that clients speak to endpoints that answer whole: one folder each, beside those of `Dialect`. */
export interface OneShotDialect<Request, Result> {
  readonly name: string
  /** To which clients POST. */
  readonly paths: readonly string[]
  /** Throws an error that names the field at fault as the client spelled it. */
  parse(body: unknown): ParsedOnce<Request, Result>
}

interface ParsedOnce<Request, Result> {
  readonly request: Request
  /** The answer as one JSON text; `id` is unique to the request. */
  readonly write: (id: string, result: Result) => string
}
