import { sql, type Kysely } from 'kysely'
import type { Tables } from '../tables.ts'
import { rollUps, rollUpSums, type RollUp, type RollUpSums } from './roll-up.ts'

/** What sums can be grouped by. */
export const usageGroups = ['key', 'team', 'model', 'provider', 'route', 'day', 'hour'] as const
export type UsageGroup = (typeof usageGroups)[number]

export interface UsageRange {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly until: number
}

/** One line of sums. */
export interface UsageLine extends RollUpSums {
  /** What it is about, as it is grouped: a key's id, `provider/model`, a day … Empty where that is not known. */
  readonly group: string
  /** Of a key. */
  readonly name: string | null
}

const columns: Record<Exclude<UsageGroup, 'day' | 'hour'>, string> = {
  key: 'key_id',
  team: 'team_id',
  model: `case when model = '' then '' else provider || '/' || model end`,
  provider: 'provider',
  route: 'route',
}
/** Of the answer: the largest come first. */
const mostLines = 10_000

/**
 * Adds up what was asked in a time. Whole days are read from sums by the day, what is left at its ends from those by the
 * hour and by the minute; so an end that is older than finer sums are kept is moved to the beginning of its hour or day.
 */
export async function usageLines(
  db: Kysely<Tables>,
  { by, range, now }: { readonly by: UsageGroup; readonly range: UsageRange; readonly now: number },
): Promise<{ lines: UsageLine[]; range: UsageRange }> {
  const { pieces, range: read } = piecesOf(range, now, by)
  const group =
    by === 'day' || by === 'hour'
      ? sql.raw(`strftime('${by === 'day' ? '%Y-%m-%d' : '%Y-%m-%dT%H:00Z'}', at / 1000, 'unixepoch')`)
      : sql.raw(columns[by])
  const sums = sql.raw(rollUpSums.map((name) => `sum(${name}) as ${name}`).join(', '))
  const parts = pieces.map(
    ({ table, from, to }) => sql`
      select ${group} as "group", max(key_name) as name, ${sums} from ${sql.table(table)}
      where at >= ${from} and at < ${to} group by 1`,
  )
  if (parts.length === 0) return { lines: [], range: read }
  const order = sql.raw(by === 'day' || by === 'hour' ? '"group"' : 'cost_usd desc, requests desc, "group"')
  const name = sql.raw(by === 'key' ? 'max(name)' : 'null')
  const { rows } = await sql<UsageLine>`
    select "group", ${name} as name, ${sums} from (${sql.join(parts, sql` union all `)})
    group by "group" order by ${order} limit ${mostLines}`.execute(db)
  return { lines: rows, range: read }
}

interface UsagePiece {
  readonly table: RollUp['table']
  readonly from: number
  readonly to: number
}

interface UsagePieces {
  readonly pieces: readonly UsagePiece[]
  readonly range: UsageRange
}

/** Which sums to read from when to when, so that every moment is in exactly one of them. */
export function piecesOf({ since, until }: UsageRange, now: number, by: UsageGroup): UsagePieces {
  const [minutes, hours, days] = rollUps
  /** Sums are deleted while they are read: the last two periods of what is kept are left alone. */
  const kept = ({ keptMs, periodMs }: RollUp) => now - keptMs + 2 * periodMs
  // Hours can only be told apart as long as they are kept.
  const earliest = by === 'hour' ? kept(hours) : kept(days)
  const finest = (isKept: (each: RollUp, coarser: RollUp) => boolean) =>
    rollUps.find((each, index) => isKept(each, rollUps[index + 1] ?? days)) ?? days
  const start = Math.max(since, earliest)
  const first = finest((each) => start >= kept(each)).periodMs
  const from = Math.floor(start / first) * first
  // What is left at the end begins with a whole period of the next coarser sums.
  const last = finest((each, { periodMs }) => Math.floor(until / periodMs) * periodMs >= kept(each)).periodMs
  const to = Math.max(from, Math.ceil(until / last) * last)
  const pieces: UsagePiece[] = []
  const add = ({ table }: RollUp, begin: number, end: number) => {
    if (end > begin) pieces.push({ table, from: begin, to: end })
  }
  /** Fills a time with the whole periods of the first of these sums, and what is left at both ends with the others. */
  const fill = (begin: number, end: number, [rollUp, ...finer]: readonly RollUp[]) => {
    if (!rollUp || end <= begin) return
    const firstWhole = Math.ceil(begin / rollUp.periodMs) * rollUp.periodMs
    const afterLast = Math.floor(end / rollUp.periodMs) * rollUp.periodMs
    if (afterLast <= firstWhole) return fill(begin, end, finer)
    fill(begin, firstWhole, finer)
    add(rollUp, firstWhole, afterLast)
    fill(afterLast, end, finer)
  }
  fill(from, to, by === 'hour' ? [hours, minutes] : [days, hours, minutes])
  return { pieces, range: { since: from, until: to } }
}
