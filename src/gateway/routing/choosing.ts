import type { Objective, Planned } from './plan.ts'

/** A candidate with all that its place in a plan is decided by. */
export interface Choice {
  readonly planned: Planned
  readonly weight: number
  /** Where it stands in its route. */
  readonly position: number
  /** Requests that it has to do with now. */
  readonly busy: number
  /** From 0 to 1. */
  readonly failureShare: number
  /** From 0 to 1: a guess where nobody measured it. */
  readonly quality: number
  /** When its times were seen last; -Infinity where they never were. */
  readonly seenAt: number
  /** Whether it is likely to answer: one that failed often lately is not. */
  readonly isAllowed: boolean
  /** Whether it has read the beginning of the prompt lately. */
  readonly isWarm: boolean
}

/** Of how much longer, dearer or worse one is than the best, what counts in a balanced choice. */
const balance = { latency: 1, cost: 0.5, quality: 4 }
/** How much worse one with a warm prefix may be and still go first, and how much busier than the others. */
const warmth = 1.25
const warmLoad = 1.25

/** The candidates in the order in which they are to be asked. */
export function ordered(choices: readonly Choice[], objective: Objective, random: () => number): readonly Choice[] {
  switch (objective) {
    case 'ordered':
      return choices
    case 'weighted':
      // Shares are what is asked for: a prefix that many share would send them all to one.
      return byKey(choices, drawn(random))
    case 'least-busy':
      return warmFirst(leastBusy(choices, random))
    case 'cheapest':
      return byKeys(choices, [costOf, latencyOf])
    case 'fastest':
      return nearWarm(byKeys(choices, [latencyOf, costOf]), latencyOf)
    case 'best':
      return byKeys(choices, [(each) => 1 - each.quality, costOf])
    case 'balanced':
      return nearWarm(byKey(choices, balanced(choices)), latencyOf)
  }
}

function byKey(choices: readonly Choice[], key: (choice: Choice) => number): Choice[] {
  const keys = new Map(choices.map((each) => [each, key(each)]))
  return choices.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0) || a.position - b.position)
}

/** What is unknown comes last. Differences of a hundredth are noise, and decide nothing. */
function byKeys(choices: readonly Choice[], keys: readonly ((choice: Choice) => number)[]): Choice[] {
  const coarse = new Map(choices.map((each) => [each, keys.map((key) => Math.round(Math.log(key(each)) * 100))]))
  return choices.toSorted((a, b) => {
    const [x = [], y = []] = [coarse.get(a), coarse.get(b)]
    for (let index = 0; index < keys.length; index++) {
      const [one = 0, other = 0] = [x[index], y[index]]
      // Not by their difference: that of two that cost nothing is no number.
      if (one !== other) return one < other ? -1 : 1
    }
    return a.position - b.position
  })
}

function costOf({ planned }: Choice): number {
  return planned.prediction?.cost ?? Number.MAX_VALUE
}

/** One that fails now and then takes longer, since somebody else has to be asked then. */
function latencyOf({ planned, failureShare }: Choice): number {
  const latency = planned.prediction?.latencyMs
  return latency === undefined ? Number.MAX_VALUE : latency / (1 - Math.min(failureShare, 0.95)) ** 2
}

function balanced(choices: readonly Choice[]): (choice: Choice) => number {
  const least = (key: (choice: Choice) => number) => Math.min(...choices.map(key))
  const [latency, cost] = [least(latencyOf), least(costOf)]
  const best = Math.max(...choices.map(({ quality }) => quality))
  // Below a hundredth of a cent a request, prices make no difference to anybody.
  const floor = 1e-4
  return (each) =>
    balance.latency * Math.log(latencyOf(each) / latency) +
    balance.cost * Math.log((Math.min(costOf(each), 1e9) + floor) / (Math.min(cost, 1e9) + floor)) +
    balance.quality * (best - each.quality)
}

/**
 * A draw without putting back, each by its weight: Efraimidis and Spirakis, Weighted random sampling with a reservoir,
 * https://doi.org/10.1016/j.ipl.2005.11.003
 */
function drawn(random: () => number): (choice: Choice) => number {
  return ({ weight }) => -Math.log(1 - random()) / weight
}

/**
 * The less busy of two that were drawn, then the others: https://www.eecs.harvard.edu/~michaelm/postscripts/tpds2001.pdf.
 * Looking at all would send everybody to the same one at the same moment.
 */
function leastBusy(choices: readonly Choice[], random: () => number): Choice[] {
  const [a, b, ...rest] = byKey(choices, drawn(random))
  if (!a || !b) return [...choices]
  const load = ({ busy, weight, failureShare }: Choice) => (busy + 1) / weight / (1 - Math.min(failureShare, 0.95))
  return load(b) < load(a) ? [b, a, ...byKey(rest, load)] : [a, b, ...byKey(rest, load)]
}

/** The warm one first, unless it has more to do than its share: https://arxiv.org/abs/1608.01350 */
function warmFirst(choices: readonly Choice[]): readonly Choice[] {
  const warm = choices.find(({ isWarm }) => isWarm)
  if (!warm || warm === choices[0]) return choices
  const all = choices.reduce((sum, { busy, weight }) => sum + busy / weight, 0)
  if (warm.busy / warm.weight > (warmLoad * (all + 1)) / choices.length) return choices
  return [warm, ...choices.filter((each) => each !== warm)]
}

/** The warm one first, where it is nearly as good: what it need not read again makes up for it. */
function nearWarm(choices: readonly Choice[], key: (choice: Choice) => number): readonly Choice[] {
  const [first] = choices
  const warm = choices.find(({ isWarm }) => isWarm)
  if (!first || !warm || warm === first || key(warm) > warmth * key(first)) return choices
  return warmFirst(choices)
}
