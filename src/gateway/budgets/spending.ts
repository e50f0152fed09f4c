import type { SpendRows, Spent, Whose } from '../../storage/spend-rows.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** Says what was taken, as the ledger has it. */
export interface Spending {
  /**
   * From a time on, in milliseconds since 1970. `cut` is called in between: what was recorded before it is counted, and
   * nothing of what is recorded after it.
   */
  since(whose: Whose, from: number, cut: () => void): Promise<Spent>
}

/** More than one is needed where rows come while others are written. */
const mostFlushes = 5

export function ledgerSpending(ledger: Pick<Ledger, 'flush' | 'state'>, rows: SpendRows): Spending {
  return {
    async since(whose, from, cut) {
      for (let flushes = 0; flushes < mostFlushes; flushes++) {
        await ledger.flush()
        if (ledger.state().held === 0) break
      }
      cut()
      return await rows.since(whose, from)
    },
  }
}
