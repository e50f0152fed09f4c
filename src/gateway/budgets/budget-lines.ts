import type { Party } from '../limits/allowance.ts'
import type { Clock } from '../limits/clock.ts'
import type { KeyLimits, Window } from '../limits/key-limits.ts'
import type { Limits } from '../limits/limits.ts'
import { PeriodMeter } from '../limits/meters.ts'
import { lookBack, project } from './projection.ts'
import type { Spending } from './spending.ts'

/** A key, a team or a model with the limits that it has now. */
export interface LimitedParty extends Party {
  readonly name: string
  readonly limits: KeyLimits
}

/** How a budget stands, in US dollars. */
export interface BudgetLine {
  readonly kind: Party['kind']
  readonly id: string
  readonly name: string
  readonly window: Window
  readonly usd: number
  readonly soft: number | null
  readonly spent: number
  /** Set aside for requests that run. */
  readonly reserved: number
  readonly left: number
  readonly start: string
  readonly end: string
  /** At the end of the period. */
  readonly projected: number | null
  /** When it is used up, if things go on like that; null where that is not in this period. */
  readonly used_up_at: string | null
}

export interface BudgetParts {
  readonly limits: Pick<Limits, 'allowance'>
  readonly spending: Spending
  readonly clock: Clock
}

/** How all budgets of these stand. */
export async function budgetLines(
  parties: Iterable<LimitedParty>,
  { limits, spending, clock }: BudgetParts,
  most: number,
): Promise<{ lines: BudgetLine[]; more: boolean }> {
  const lines: BudgetLine[] = []
  for (const { kind, id, name, limits: theirs } of parties) {
    if ((theirs.budgets ?? []).length === 0) continue
    if (lines.length >= most) return { lines, more: true }
    const { rules } = await limits.allowance({ kind, id }, theirs)
    for (const { unit, window, limit: usd, soft = null, meter } of rules) {
      if (unit !== 'usd' || !(meter instanceof PeriodMeter)) continue
      const now = clock.time()
      const { period, spent } = meter
      const from = lookBack(window, now)
      const lately = from === undefined ? { usd: 0 } : await spending.since({ kind, id }, from, () => {})
      const projection = project({ window, usd, period, spent }, lately, now)
      const { projected = null, usedUpAt } = projection ?? {}
      const taken = meter.taken()
      lines.push({
        kind,
        id,
        name,
        window,
        usd,
        soft,
        spent,
        reserved: taken - spent,
        left: Math.max(0, usd - taken),
        start: new Date(period.start).toISOString(),
        end: new Date(period.end).toISOString(),
        projected,
        used_up_at: usedUpAt === undefined ? null : new Date(usedUpAt).toISOString(),
      })
    }
  }
  return { lines, more: false }
}
