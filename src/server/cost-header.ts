import type { ToldCost } from '../canonical/usage.ts'

/** Says on a whole answer what it cost in US dollars. */
export const costHeader = 'x-inferloom-cost'

/** `0.0000125`, never `1.25e-5`: people read it, and shells. */
export function costText(cost: ToldCost): string {
  if (cost === 'kept') return '0'
  return cost === 'unknown' ? cost : cost.toFixed(12).replace(/\.?0+$/, '')
}
