import type { Objective, Planned } from './plan.ts'

/** A candidate with all that its place in a plan is decided by. */
export interface Choice {
  readonly planned: Planned
  readonly weight: number
  /** Where it stands in its route. */
  readonly position: number
  readonly inFlight: number
  /** From 0 to 1. */
  readonly failureShare: number
  /** US dollars for a million tokens it writes, a stand-in for a quality that nobody measured. */
  readonly outputPrice: number | undefined
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
      return warmFirst(byKey(choices, drawn(random)))
    case 'least-busy':
      return warmFirst(leastBusy(choices, random))
    case 'cheapest':
      return byKeys(choices, [costOf, latencyOf])
    case 'fastest':
      return nearWarm(byKeys(choices, [latencyOf, costOf]), latencyOf)
    case 'best':
      return byKeys(choices, [(each) => -(each.planned.prediction?.quality ?? guessedQuality(each)), costOf])
    case 'balanced':
      return nearWarm(byKey(choices, balanced(choices)), latencyOf)
  }
}

function byKey(choices: readonly Choice[], key: (choice: Choice) => number): Choice[] {
  const keys = new Map(choices.map((each) => [each, key(each)]))
  return choices.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0) || a.position - b.position)
}

/** What is unknown comes last. */
function byKeys(choices: readonly Choice[], keys: readonly ((choice: Choice) => number)[]): Choice[] {
  return choices.toSorted((a, b) => {
    for (const key of keys) {
      const [x, y] = [key(a), key(b)]
      // Differences that are noise decide nothing.
      if (x !== y && Math.abs(x - y) > 0.01 * Math.max(Math.abs(x), Math.abs(y))) return x - y
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

/** Where nobody measured it, dearer models are more often the better ones. Always below what was measured as middling. */
function guessedQuality({ outputPrice }: Choice): number {
  return outputPrice === undefined ? 0 : 0.5 * (1 - 1 / (1 + outputPrice))
}

function balanced(choices: readonly Choice[]): (choice: Choice) => number {
  const least = (key: (choice: Choice) => number) => Math.min(...choices.map(key))
  const [latency, cost] = [least(latencyOf), least(costOf)]
  const quality = (each: Choice) => each.planned.prediction?.quality ?? guessedQuality(each)
  const best = Math.max(...choices.map(quality))
  // Below a hundredth of a cent a request, prices make no difference to anybody.
  const floor = 1e-4
  return (each) =>
    balance.latency * Math.log(latencyOf(each) / latency) +
    balance.cost * Math.log((Math.min(costOf(each), 1e9) + floor) / (Math.min(cost, 1e9) + floor)) +
    balance.quality * (best - quality(each))
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
  const load = ({ inFlight, weight, failureShare }: Choice) =>
    (inFlight + 1) / weight / (1 - Math.min(failureShare, 0.95))
  return load(b) < load(a) ? [b, a, ...byKey(rest, load)] : [a, b, ...byKey(rest, load)]
}

/** The warm one first, unless it has more to do than its share: https://arxiv.org/abs/1608.01350 */
function warmFirst(choices: readonly Choice[]): readonly Choice[] {
  const warm = choices.find(({ isWarm }) => isWarm)
  if (!warm || warm === choices[0]) return choices
  const all = choices.reduce((sum, { inFlight, weight }) => sum + inFlight / weight, 0)
  if (warm.inFlight / warm.weight > (warmLoad * (all + 1)) / choices.length) return choices
  return [warm, ...choices.filter((each) => each !== warm)]
}

/** The warm one first, where it is nearly as good: what it need not read again makes up for it. */
function nearWarm(choices: readonly Choice[], key: (choice: Choice) => number): readonly Choice[] {
  const [first] = choices
  const warm = choices.find(({ isWarm }) => isWarm)
  if (!first || !warm || warm === first || key(warm) > warmth * key(first)) return choices
  return warmFirst(choices)
}
