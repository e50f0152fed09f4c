import type { LimitLeft, LimitStanding } from '../../canonical/limit-standing.ts'
import type { Allowance, Rule } from './allowance.ts'
import { dollars, partyName } from './refusal.ts'

/** Where a client stands: of several limits of a kind, the one of which least is left. */
export function standingOf(allowances: readonly Allowance[]): LimitStanding {
  let requests: Rule | undefined
  let tokens: Rule | undefined
  let warning: string | undefined
  for (const { party, rules } of allowances) {
    for (const rule of rules) {
      const { unit, window, limit, soft, meter } = rule
      if (unit === 'requests') requests = scarcer(rule, requests)
      else if (unit === 'tokens') tokens = scarcer(rule, tokens)
      else if (soft !== undefined && meter.taken() >= soft) {
        warning ??= `${dollars(meter.taken())} of the budget of ${dollars(limit)} a ${window} ${partyName(party)} are spent`
      }
    }
  }
  return {
    ...(requests && { requests: leftOf(requests) }),
    ...(tokens && { tokens: leftOf(tokens) }),
    ...(warning !== undefined && { budgetWarning: warning }),
  }
}

function scarcer(rule: Rule, other: Rule | undefined): Rule {
  return other && remaining(other) <= remaining(rule) ? other : rule
}

function remaining({ limit, meter }: Rule): number {
  return Math.max(0, limit - meter.taken())
}

function leftOf(rule: Rule): LimitLeft {
  const { limit, meter } = rule
  return { limit, remaining: remaining(rule), resetMs: meter.untilAtMost(0) }
}
