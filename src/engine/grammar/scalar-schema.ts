import type { Expression, Rules } from './expression.ts'
import { integersBetween, numbersBetween, unwritableBound, type Bound } from './json-numbers.ts'
import { character, quoted } from './json-rules.ts'
import { patternExpression, UnsupportedPattern } from './pattern.ts'
import { at, invalid, own, show, Unmeetable, unsupported, type Part } from './schema-parts.ts'
import { stringFormats } from './string-formats.ts'

/** Longer than any answer: a larger `maxLength` or `maxItems` is read as this, which only leaves out what never comes. */
const longest = 100_000
/** Each block of 1,000 is written out in the grammar. */
const mostRequired = 10_000

/** The tightest of a keyword that counts, over all parts. */
export function countsOf(parts: readonly Part[], least: string, most: string): [min: number, max: number | undefined] {
  let min = 0
  let max: number | undefined
  let place = ''
  for (const { schema, path } of parts) {
    for (const keyword of [least, most]) {
      const value = own(schema, keyword)
      if (value === undefined) continue
      place = at(path, keyword)
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
        throw invalid(place, value, 'an integer that is 0 or more')
      }
      if (keyword === most) max = Math.min(max ?? longest, value)
      else min = Math.max(min, value)
      if (keyword === least && value > mostRequired) {
        throw unsupported(place, `= ${value} is more than ${mostRequired}`, `use at most ${mostRequired}`)
      }
    }
  }
  if (max !== undefined && min > max) throw new Unmeetable(place, `${least} ${min} is more than ${most} ${max}`)
  return [min, max]
}

export function stringExpression(rules: Rules, parts: readonly Part[], path: string): Expression {
  const special = parts.flatMap((part) =>
    ['pattern', 'format']
      .filter((keyword) => Object.hasOwn(part.schema, keyword))
      .map((keyword) => ({ ...part, keyword })),
  )
  const [min, max] = countsOf(parts, 'minLength', 'maxLength')
  const distinct = new Map(special.map((each) => [`${each.keyword} ${show(each.schema[each.keyword])}`, each]))
  const [only, other] = [...distinct.values()]
  if (!only) return quoted(rules.repeat(character(rules), min, max))
  const here = at(only.path, only.keyword)
  const value = only.schema[only.keyword]
  if (typeof value !== 'string') throw invalid(here, value, 'a string')
  if (other || min > 0 || max !== undefined) {
    const conflict = other ? at(other.path, other.keyword) : `a length beside it (${path})`
    throw unsupported(here, `= ${show(value)} is not supported together with ${conflict}`, 'use one of them')
  }
  return quoted(only.keyword === 'format' ? ofFormat(value, here) : ofPattern(rules, value, here))
}

function ofFormat(format: string, path: string): Expression {
  const make = Object.hasOwn(stringFormats, format) ? stringFormats[format] : undefined
  if (make) return make()
  const known = Object.keys(stringFormats).join(', ')
  throw unsupported(path, `= ${show(format)} is not supported`, `leave it out, or use one of ${known}`)
}

function ofPattern(rules: Rules, pattern: string, path: string): Expression {
  if (pattern.length > 2000) throw unsupported(path, 'is longer than 2,000 characters', 'use a shorter pattern')
  try {
    return patternExpression(rules, pattern)
  } catch (error) {
    if (!(error instanceof UnsupportedPattern)) throw error
    const remedy = 'use literals, classes, groups, | and quantifiers only, or leave pattern out'
    throw unsupported(path, `= ${show(pattern)} is not supported: ${error.message}`, remedy)
  }
}

export function numberExpression(parts: readonly Part[], path: string, integer: boolean): Expression {
  let minimum: Bound | undefined
  let maximum: Bound | undefined
  for (const part of parts) {
    refuseMultiples(part, integer)
    for (const exclusive of [false, true]) {
      const low = bound(part, exclusive ? 'exclusiveMinimum' : 'minimum', exclusive)
      if (low && (!minimum || low.value > minimum.value || (low.value === minimum.value && exclusive))) minimum = low
      const high = bound(part, exclusive ? 'exclusiveMaximum' : 'maximum', exclusive)
      if (high && (!maximum || high.value < maximum.value || (high.value === maximum.value && exclusive)))
        maximum = high
    }
  }
  if (integer) {
    const from = minimum?.exclusive ? Math.floor(minimum.value) + 1 : (minimum?.value ?? -Infinity)
    const to = maximum?.exclusive ? Math.ceil(maximum.value) - 1 : (maximum?.value ?? Infinity)
    return (
      integersBetween(from, to) ?? nothingBetween(path, minimum, maximum, 'integer of a size that JSON keeps exactly')
    )
  }
  const given = [minimum, maximum].filter((each) => each !== undefined)
  const bad = unwritableBound(given)
  if (bad) {
    const reason = `has the bound ${bad.value}, which has too many digits beside the other`
    throw unsupported(path, reason, 'use bounds of fewer digits')
  }
  return numbersBetween(minimum, maximum) ?? nothingBetween(path, minimum, maximum, 'number')
}

function nothingBetween(path: string, minimum: Bound | undefined, maximum: Bound | undefined, what: string): never {
  const from = minimum ? `${minimum.exclusive ? 'above' : 'from'} ${minimum.value}` : 'from anywhere'
  const to = maximum ? `${maximum.exclusive ? 'below' : 'up to'} ${maximum.value}` : 'upwards'
  throw new Unmeetable(path, `there is no ${what} ${from} ${to}`)
}

function bound({ schema, path }: Part, keyword: string, exclusive: boolean): Bound | undefined {
  const value = own(schema, keyword)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(at(path, keyword), value, 'a number')
  return { value, exclusive }
}

function refuseMultiples({ schema, path }: Part, integer: boolean): void {
  const value = own(schema, 'multipleOf')
  if (value === undefined || (integer && value === 1)) return
  const reason = `= ${show(value)} is not supported: a grammar cannot divide`
  throw unsupported(at(path, 'multipleOf'), reason, 'leave multipleOf out, or list the values with enum')
}
