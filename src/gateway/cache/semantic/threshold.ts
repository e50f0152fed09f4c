/** A pair of questions: how near they are, and whether their answers are the same. */
export interface Judged {
  readonly similarity: number
  readonly same: boolean
}

/** Thresholds that are looked at, from the strictest on. */
const steps = Array.from({ length: 50 }, (_, step) => 0.995 - step * 0.01)
/** How sure the bound has to be. */
const confidence = 0.95

/**
 * The lowest similarity from which on no more than `errorRate` of kept answers are wrong, as sure as 19 of 20; undefined
 * where too little is known to say so of any. Thresholds are tried from the strictest on until one fails, which needs no
 * correction for their number: fixed-sequence testing, https://arxiv.org/abs/2110.01052, section 4.
 */
export function thresholdOf(sample: readonly Judged[], errorRate: number): number | undefined {
  const sorted = sample.toSorted((a, b) => b.similarity - a.similarity)
  let found: number | undefined
  let at = 0
  let wrong = 0
  for (const threshold of steps) {
    while (at < sorted.length && (sorted[at]?.similarity ?? 0) >= threshold) if (!sorted[at++]?.same) wrong++
    // Where nothing lies between two thresholds, the looser one was not tried.
    if (at === 0) continue
    if (upperBound(wrong, at) > errorRate) {
      // Too few to say anything is not a failure.
      if (wrong === 0 && found === undefined) continue
      return found
    }
    found = threshold
  }
  return found
}

/**
 * What the true share of errors is below, where so many of so many were wrong: Clopper and Pearson's bound,
 * https://doi.org/10.1093/biomet/26.4.404, by bisection of the binomial distribution.
 */
export function upperBound(wrong: number, of: number): number {
  if (of === 0 || wrong >= of) return 1
  let [low, high] = [wrong / of, 1]
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2
    if (atMost(wrong, of, middle) > 1 - confidence) low = middle
    else high = middle
  }
  return high
}

/** The chance of so many or fewer, in logarithms so that nothing becomes zero. */
function atMost(wrong: number, of: number, share: number): number {
  const [yes, no] = [Math.log(share), Math.log1p(-share)]
  let term = of * no
  let sum = Math.exp(term)
  for (let each = 1; each <= wrong; each++) {
    term += Math.log((of - each + 1) / each) + yes - no
    sum += Math.exp(term)
  }
  return Math.min(1, sum)
}
