import type { AttemptRow, RequestRow, SavingColumns } from '../tables.ts'

/** What a request leaves in the ledger. */
export interface LedgerEntry {
  readonly row: RequestRow
  /** Absent where there was one try at most, of which the row itself tells all. */
  readonly attempts?: readonly AttemptRow[] | undefined
  /** The JSON that its client sent, for what can be told of it without keeping it. */
  readonly body?: string | undefined
  /** What is to be kept of what was said. */
  readonly content?: LedgerContent | undefined
  /** Absent where no cache had a part in it. */
  readonly saved?: SavingColumns
}

export interface LedgerContent {
  readonly asked: string | null
  /** As it went to the client: text, or the bytes of a stream. */
  readonly answered: string | null
  readonly redact: boolean
}

/** An entry on its way to the database's thread: lists of values are read twice as fast there as objects. */
export interface PackedEntry {
  readonly row: readonly RequestRow[keyof RequestRow][]
  readonly attempts?: readonly AttemptRow[]
  readonly body?: string
  readonly content?: LedgerContent
  readonly saved?: SavingColumns
}

/** What there is in all. */
export interface LedgerTotals {
  readonly rows: number
  /** About what they take on the disk. */
  readonly bytes: number
}

export interface LedgerBounds {
  /** Milliseconds since 1970: what was received before that goes. */
  readonly since: number
  readonly maxBytes: number
  /** The same for what was said. */
  readonly contentSince: number
  readonly now: number
}

/** What the database's thread does for the ledger, each in a transaction of its own. */
export type LedgerTask =
  | { readonly task: 'write'; readonly entries: readonly PackedEntry[] }
  | { readonly task: 'sweep'; readonly bounds: LedgerBounds }
  | { readonly task: 'totals' }

export interface LedgerDone {
  readonly totals: LedgerTotals
  /** Whether a clean-up has more to do. */
  readonly more: boolean
}
