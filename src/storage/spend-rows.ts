import { sql, type Kysely } from 'kysely'
import { piecesOf } from './ledger/usage-query.ts'
import type { Tables } from './tables.ts'

/** Whose requests are added up: those of a key, of a team, or for a model or route under any of its names. */
export interface Whose {
  readonly kind: 'key' | 'team' | 'model' | 'route'
  readonly id: string
}

export interface Spent {
  /** Those that were sent to a provider. */
  readonly requests: number
  /** Input and output. */
  readonly tokens: number
  readonly usd: number
  /** When the first of them came, in milliseconds since 1970, to the minute, hour or day; null where there is none. */
  readonly first: number | null
}

export interface SpendRows {
  /**
   * From a time on, in milliseconds since 1970; where finer sums are gone, from the beginning of its hour or day. Also
   * what lies in the future: the clock may have been set back.
   */
  since(whose: Whose, from: number): Promise<Spent>
}

const farAhead = 3_650 * 86_400_000

export function spendRows(db: Kysely<Tables>): SpendRows {
  return {
    async since(whose, from) {
      const now = Date.now()
      const { pieces } = piecesOf({ since: from, until: Math.max(now, from) + farAhead }, now, 'key')
      const parts = pieces.map(
        ({ table, from: begin, to }) => sql`
          select at, requests, prompt_tokens + output_tokens as tokens, cost_usd from ${sql.table(table)}
          where at >= ${begin} and at < ${to} and provider <> '' and ${isTheirs(whose)}`,
      )
      const { rows } = await sql<Spent>`
        select coalesce(sum(requests), 0) as requests, coalesce(sum(tokens), 0) as tokens,
        coalesce(sum(cost_usd), 0.0) as usd, min(at) as first from (${sql.join(parts, sql` union all `)})`.execute(db)
      return rows[0] ?? { requests: 0, tokens: 0, usd: 0, first: null }
    },
  }
}

function isTheirs({ kind, id }: Whose) {
  if (kind === 'key') return sql`key_id = ${id}`
  if (kind === 'team') return sql`team_id = ${id}`
  // Asked for by its own name or with its provider's, limited by the one or the other.
  return sql`(route = ${id} or route = provider || '/' || ${id} or provider || '/' || route = ${id})`
}
