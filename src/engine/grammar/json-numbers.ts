import { choice, nothing, optional, sequence, text, type Expression } from './expression.ts'

export interface Bound {
  readonly value: number
  readonly exclusive: boolean
}

/** Doubles hold every decimal of this many digits apart, so comparing digits compares values. */
const exactDigits = 15
const largestWhole = 10 ** exactDigits - 1

/** Integers of at most 15 digits between two bounds, both inclusive; undefined when there is none. */
export function integersBetween(minimum: number, maximum: number): Expression | undefined {
  const low = Math.max(Math.ceil(minimum), -Number.MAX_SAFE_INTEGER)
  const high = Math.min(Math.floor(maximum), Number.MAX_SAFE_INTEGER)
  const from = minimum === -Infinity && high >= -largestWhole ? -largestWhole : low
  const to = maximum === Infinity && low <= largestWhole ? largestWhole : high
  if (from > to) return undefined
  const parts: Expression[] = []
  if (from < 0) parts.push(sequence(text('-'), wholesBetween(Math.max(1, -to), -from)))
  if (to >= 0) parts.push(wholesBetween(Math.max(0, from), to))
  return choice(...parts)
}

function wholesBetween(from: number, to: number): Expression {
  const parts: Expression[] = []
  for (let digits = `${from}`.length; digits <= `${to}`.length; digits++) {
    const low = digits === 1 ? 0 : 10 ** (digits - 1)
    parts.push(sameLength(`${Math.max(from, low)}`, `${Math.min(to, 10 ** digits - 1)}`))
  }
  return choice(...parts)
}

/** Numbers of as many digits as both bounds have, from one to the other. */
function sameLength(from: string, to: string): Expression {
  if (from === to) return text(from)
  const rest = from.length - 1
  const [first, last] = [Number(from[0]), Number(to[0])]
  if (first === last) return sequence(text(`${first}`), sameLength(from.slice(1), to.slice(1)))
  const startsLow = /^0*$/.test(from.slice(1))
  const endsHigh = /^9*$/.test(to.slice(1))
  const lowest = startsLow ? first : first + 1
  const highest = endsHigh ? last : last - 1
  const parts: Expression[] = []
  if (!startsLow) parts.push(sequence(text(`${first}`), sameLength(from.slice(1), '9'.repeat(rest))))
  if (lowest <= highest) parts.push(sequence(digit(lowest, highest), digits(rest, rest)))
  if (!endsHigh) parts.push(sequence(text(`${last}`), sameLength('0'.repeat(rest), to.slice(1))))
  return choice(...parts)
}

function digit(from: number, to: number): Expression {
  return { kind: 'class', ranges: [[from + 48, to + 48]] }
}

function digits(min: number, max: number): Expression {
  return max === 0 ? nothing : { kind: 'repeat', item: digit(0, 9), min, max }
}

/** The bound that decimals of 15 digits cannot keep, if one of them is. */
export function unwritableBound(bounds: readonly Bound[]): Bound | undefined {
  const decimals = decimalsBetween(bounds)
  return bounds.find(
    ({ value }) => Math.abs(value) > largestWhole || Number(value.toFixed(Math.max(0, decimals))) !== value,
  )
}

/** Fractions are cut where a decimal could round to a bound that it must stay away from. */
function decimalsBetween(bounds: readonly Bound[]): number {
  return exactDigits - Math.max(1, ...bounds.map(({ value }) => `${Math.trunc(Math.abs(value))}`.length))
}

/** Decimals without exponent between two bounds; undefined when there is none. Check with `unwritableBound` first. */
export function numbersBetween(minimum: Bound | undefined, maximum: Bound | undefined): Expression | undefined {
  if (minimum && maximum) {
    const apart = maximum.value - minimum.value
    if (apart < 0 || (apart === 0 && (minimum.exclusive || maximum.exclusive))) return undefined
  }
  const decimals = decimalsBetween([minimum, maximum].filter((bound) => bound !== undefined))
  const zero: Bound = { value: 0, exclusive: false }
  const parts: Expression[] = []
  if (!minimum || minimum.value < 0) {
    const least = maximum && maximum.value <= 0 ? { value: -maximum.value, exclusive: maximum.exclusive } : zero
    const most = minimum && { value: -minimum.value, exclusive: minimum.exclusive }
    parts.push(sequence(text('-'), magnitudes(least, most, decimals)))
  }
  if (!maximum || maximum.value > 0 || (maximum.value === 0 && !maximum.exclusive)) {
    parts.push(magnitudes(minimum && minimum.value >= 0 ? minimum : zero, maximum, decimals))
  }
  return choice(...parts)
}

/** Decimals without sign: those whose whole part lies between the bounds', and those that share a bound's. */
function magnitudes(least: Bound, most: Bound | undefined, decimals: number): Expression {
  const low = split(least, decimals)
  const high = most && split(most, decimals)
  if (high && low.whole === high.whole) {
    const within = fractionsBetween(low.fraction, high.fraction, least.exclusive, most.exclusive, decimals)
    return sequence(text(`${low.whole}`), within)
  }
  const parts = [sequence(text(`${low.whole}`), fractionsAbove(low.fraction, least.exclusive, decimals))]
  const between = integersBetween(low.whole + 1, high ? high.whole - 1 : largestWhole)
  if (between) parts.push(sequence(between, anyFraction(decimals)))
  if (high) {
    const below = fractionsBelow(high.fraction, most.exclusive, decimals)
    if (below) parts.push(sequence(text(`${high.whole}`), below))
  }
  return choice(...parts)
}

interface Split {
  readonly whole: number
  readonly fraction: string
}

function split({ value }: Bound, decimals: number): Split {
  const [whole = '0', fraction = ''] = value.toFixed(decimals).split('.')
  return { whole: Math.abs(Number(whole)), fraction: fraction.replace(/0+$/, '') }
}

function anyFraction(decimals: number): Expression {
  return decimals === 0 ? nothing : optional(sequence(text('.'), digits(1, decimals)))
}

function fractionsAbove(fraction: string, exclusive: boolean, decimals: number): Expression {
  if (fraction === '' && !exclusive) return anyFraction(decimals)
  return decimals === 0 ? never : sequence(text('.'), above(fraction, exclusive, decimals))
}

const never: Expression = { kind: 'choice', items: [] }

/** Digits that begin above the given ones, or are the given ones and go on. */
function above(fraction: string, exclusive: boolean, room: number): Expression {
  if (room === 0) return fraction === '' && !exclusive ? nothing : never
  if (fraction === '') {
    if (!exclusive) return digits(0, room)
    return sequence(choice(sequence(digit(1, 9), digits(0, room - 1)), sequence(text('0'), above('', true, room - 1))))
  }
  const first = Number(fraction[0])
  const same = sequence(text(`${first}`), above(fraction.slice(1), exclusive, room - 1))
  return first === 9 ? same : choice(same, sequence(digit(first + 1, 9), digits(0, room - 1)))
}

function fractionsBelow(fraction: string, exclusive: boolean, decimals: number): Expression | undefined {
  if (fraction === '') {
    if (exclusive) return undefined
    return decimals === 0 ? nothing : optional(sequence(text('.0'), zeros(decimals - 1)))
  }
  return optional(sequence(text('.'), below(fraction, exclusive, decimals, true)))
}

function zeros(max: number): Expression {
  return max === 0 ? nothing : { kind: 'repeat', item: { kind: 'class', ranges: [[48, 48]] }, min: 0, max }
}

function below(fraction: string, exclusive: boolean, room: number, needsDigit: boolean): Expression {
  if (fraction === '') return exclusive ? never : zeros(room)
  const first = Number(fraction[0])
  const parts = [sequence(text(`${first}`), below(fraction.slice(1), exclusive, room - 1, false))]
  if (first > 0) parts.push(sequence(digit(0, first - 1), digits(0, room - 1)))
  // To stop here is to go on with zeros: less, because the given digits end in another.
  if (!needsDigit) parts.push(nothing)
  return choice(...parts)
}

/** Fractions of one and the same whole part, between two. */
function fractionsBetween(
  low: string,
  high: string,
  lowExclusive: boolean,
  highExclusive: boolean,
  decimals: number,
): Expression {
  const within = between(low, high, lowExclusive, highExclusive, decimals)
  const bare = low === '' && !lowExclusive && !(high === '' && highExclusive)
  const dotted = decimals === 0 ? never : sequence(text('.'), within)
  return bare ? choice(nothing, dotted) : dotted
}

/** At least one digit, between two fractions of which the first is not the larger. */
function between(low: string, high: string, lowExclusive: boolean, highExclusive: boolean, room: number): Expression {
  const width = Math.max(low.length, high.length)
  if (width === 0) return lowExclusive || highExclusive || room === 0 ? never : sequence(text('0'), zeros(room - 1))
  const first = Number(low[0] ?? 0)
  const last = Number(high[0] ?? 0)
  if (first === last) {
    const rest = between(low.slice(1), high.slice(1), lowExclusive, highExclusive, room - 1)
    const mayStop = /^0*$/.test(low.slice(1)) && !lowExclusive
    return sequence(text(`${first}`), mayStop ? choice(nothing, rest) : rest)
  }
  const parts = [sequence(text(`${first}`), above(low.slice(1), lowExclusive, room - 1))]
  if (first + 1 < last) parts.push(sequence(digit(first + 1, last - 1), digits(0, room - 1)))
  parts.push(sequence(text(`${last}`), below(high.slice(1), highExclusive, room - 1, false)))
  return choice(...parts)
}
