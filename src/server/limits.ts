import type { Prices } from '../catalog/price.ts'
import type { Config } from '../config/schema.ts'
import type { BudgetParts, LimitedParty } from '../gateway/budgets/budget-lines.ts'
import { BudgetNotices } from '../gateway/budgets/notices.ts'
import { ledgerSpending } from '../gateway/budgets/spending.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import { machineClock } from '../gateway/limits/clock.ts'
import type { KeyLimits } from '../gateway/limits/key-limits.ts'
import { Limits, type LimitsParts } from '../gateway/limits/limits.ts'
import type { Store } from '../storage/store.ts'

export interface ServerLimits extends BudgetParts {
  readonly limits: Limits
  /** Whoever has limits now. */
  readonly parties: () => Iterable<LimitedParty>
  close(): Promise<void>
}

interface Parts extends Pick<LimitsParts, 'limitsOf' | 'isRoute'> {
  readonly config: Config
  readonly prices: Prices
  readonly ledger: Ledger
  readonly store: Store
  /** The keys and teams that there are, with their own limits. */
  readonly holders: () => Iterable<Holder>
  readonly onTrouble: (error: unknown) => void
}

export interface Holder {
  readonly kind: 'key' | 'team'
  readonly id: string
  readonly name: string
  readonly limits?: KeyLimits | undefined
}

/** Limits as the configuration and the keys have them. */
export function openLimits({
  config,
  prices,
  ledger,
  store,
  limitsOf,
  isRoute,
  holders,
  onTrouble,
}: Parts): ServerLimits {
  const { webhook, ...settings } = config.limits
  const notices = new BudgetNotices(webhook, onTrouble)
  const spending = ledgerSpending(ledger, store.spend)
  const clock = machineClock()
  const limits = new Limits({ settings, clock, limitsOf, isRoute, prices, spending, notices })
  function* parties(): Generator<LimitedParty> {
    for (const { kind, id, name, limits: own } of holders()) {
      yield { kind, id, name, limits: kind === 'key' ? limits.limitsOfKey(own) : (own ?? {}) }
    }
    for (const [name, theirs] of Object.entries(settings.models)) {
      yield { kind: isRoute(name) ? 'route' : 'model', id: name, name, limits: theirs }
    }
  }
  return { limits, spending, clock, parties, close: async () => await notices.close() }
}
