import type { Prices } from '../catalog/price.ts'
import type { Config } from '../config/schema.ts'
import { BudgetNotices } from '../gateway/budgets/notices.ts'
import { ledgerSpending } from '../gateway/budgets/spending.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import { machineClock } from '../gateway/limits/clock.ts'
import { Limits, type LimitsParts } from '../gateway/limits/limits.ts'
import type { Store } from '../storage/store.ts'

export interface ServerLimits {
  readonly limits: Limits
  close(): Promise<void>
}

interface Parts extends Pick<LimitsParts, 'limitsOf'> {
  readonly config: Config
  readonly prices: Prices
  readonly ledger: Ledger
  readonly store: Store
  readonly onTrouble: (error: unknown) => void
}

/** Limits as the configuration and the keys have them. */
export function openLimits({ config, prices, ledger, store, limitsOf, onTrouble }: Parts): ServerLimits {
  const { webhook, ...settings } = config.limits
  const notices = new BudgetNotices(webhook, onTrouble)
  const spending = ledgerSpending(ledger, store.spend)
  const limits = new Limits({ settings, clock: machineClock(), limitsOf, prices, spending, notices })
  return { limits, close: async () => await notices.close() }
}
