import { choice, classOf, nothing, optional, sequence, text, type Expression, type Rules } from './expression.ts'

/** What may stand between two tokens of JSON: pretty-printed and compact answers both fit, endless blanks do not. */
export function space(rules: Rules): Expression {
  const indent: Expression = { kind: 'repeat', item: classOf(' ', '\t'), min: 0, max: 32 }
  return rules.share('space', choice(nothing, text(' '), sequence(text('\n'), indent)))
}

// Surrogates and what lies beyond Unicode are left out by naming what is in, so that text is always valid UTF-8.
export const unescaped: Expression = {
  kind: 'class',
  ranges: [
    [0x20, 0x21],
    [0x23, 0x5b],
    [0x5d, 0x7e],
    [0x80, 0xd7ff],
    [0xe000, 0xfffd],
    [0x1_00_00, 0x10_ff_ff],
  ],
}

const hex = classOf('09', 'af', 'AF')

function hexDigits(count: number): Expression {
  return { kind: 'repeat', item: hex, min: count, max: count }
}

/** One character of a JSON string as JSON Schema counts them: a pair of escaped surrogates is one. */
export function character(rules: Rules): Expression {
  const d = classOf('d', 'D')
  const basic = choice(
    sequence(classOf('09', 'ac', 'AC', 'ef', 'EF'), hexDigits(3)),
    sequence(d, classOf('07'), hexDigits(2)),
  )
  const high = sequence(d, classOf('89', 'ab', 'AB'), hexDigits(2))
  const low = sequence(text('\\u'), d, classOf('cf', 'CF'), hexDigits(2))
  const unicode = sequence(text('u'), choice(basic, sequence(high, low)))
  const escape = sequence(text('\\'), choice(classOf('"', '\\', '/', 'b', 'f', 'n', 'r', 't'), unicode))
  return rules.share('char', choice(unescaped, escape))
}

export function quoted(content: Expression): Expression {
  return sequence(text('"'), content, text('"'))
}

export function anyString(rules: Rules): Expression {
  return rules.share('string', quoted(rules.repeat(character(rules), 0, undefined)))
}

/** Any number that a double holds without overflow. */
export function anyNumber(rules: Rules): Expression {
  const digits = (max: number): Expression => ({ kind: 'repeat', item: classOf('09'), min: 1, max })
  const exponent = sequence(classOf('e', 'E'), optional(classOf('+', '-')), digits(2))
  const whole = choice(text('0'), sequence(classOf('19'), { kind: 'repeat', item: classOf('09'), min: 0, max: 15 }))
  const fraction = optional(sequence(text('.'), digits(16)))
  return rules.share('number', sequence(optional(text('-')), whole, fraction, optional(exponent)))
}

export function anyBoolean(): Expression {
  return choice(text('true'), text('false'))
}

export function anyObject(rules: Rules): Expression {
  return rules.share(
    'any-object',
    objectOf(rules, sequence(anyString(rules), text(':'), space(rules), anyValue(rules))),
  )
}

export function anyArray(rules: Rules): Expression {
  return rules.share('any-array', arrayOf(rules, anyValue(rules), 0, undefined))
}

const anyValueNames = new WeakMap<Rules, string>()

/** Any JSON value at all. */
export function anyValue(rules: Rules): Expression {
  const known = anyValueNames.get(rules)
  if (known !== undefined) return { kind: 'rule', name: known }
  const name = rules.reserve('value')
  anyValueNames.set(rules, name)
  const scalar = choice(anyString(rules), anyNumber(rules), anyBoolean(), text('null'))
  rules.define(name, choice(anyObject(rules), anyArray(rules), scalar))
  return { kind: 'rule', name }
}

/** An object of any number of members. */
function objectOf(rules: Rules, member: Expression): Expression {
  return enclosed(rules, '{', listOf(rules, member, 0, undefined), '}')
}

export function arrayOf(rules: Rules, item: Expression, min: number, max: number | undefined): Expression {
  return enclosed(rules, '[', listOf(rules, item, min, max), ']')
}

export function enclosed(rules: Rules, open: string, content: Expression, close: string): Expression {
  return sequence(text(open), space(rules), content, text(close))
}

/** Items with commas between them and white space after the last. */
export function listOf(rules: Rules, item: Expression, min: number, max: number | undefined): Expression {
  if (max === 0) return nothing
  const one = rules.share('item', item)
  const next = rules.share('next', sequence(text(','), space(rules), one))
  const more = rules.repeat(next, Math.max(0, min - 1), max === undefined ? undefined : max - 1)
  const list = sequence(one, more, space(rules))
  return min === 0 ? optional(list) : list
}

/**
 * Exactly one of the given texts, as a tree of common beginnings: llama.cpp follows every alternative that still
 * fits for each token, and of a thousand enum values few share their next character.
 */
export function oneOfTexts(rules: Rules, texts: readonly string[]): Expression {
  const distinct = [...new Set(texts)]
  const byFirst = Map.groupBy(distinct, (each) => String.fromCodePoint(...firstPoint(each)))
  const branches = [...byFirst.values()].map((group) => {
    const only = group[0] ?? ''
    if (group.length === 1) return text(only)
    const prefix = commonPrefix(group)
    const rest = oneOfTexts(
      rules,
      group.map((each) => each.slice(prefix.length)),
    )
    return sequence(text(prefix), rules.share('rest', rest))
  })
  return choice(...branches)
}

function firstPoint(value: string): number[] {
  const point = value.codePointAt(0)
  return point === undefined ? [] : [point]
}

function commonPrefix(texts: readonly string[]): string {
  const points = Array.from(texts[0] ?? '')
  const others = texts.slice(1)
  let prefix = ''
  for (const point of points) {
    if (!others.every((other) => other.startsWith(prefix + point))) return prefix
    prefix += point
  }
  return prefix
}

/**
 * The quoted keys that are none of the given ones. They are written without escapes, which would let a given key
 * through in disguise ("\u0061" is "a").
 */
export function keyOtherThan(rules: Rules, keys: readonly string[]): Expression {
  const writable = keys.filter((key) => /^[^"\\\p{Cc}\p{Cs}]*$/u.test(key))
  if (keys.length === 0) return anyString(rules)
  const rest = rules.repeat(unescaped, 0, undefined)
  const afterPrefix = (remaining: readonly string[]): Expression => {
    const byFirst = Map.groupBy(
      remaining.filter((each) => each !== ''),
      (each) => each.codePointAt(0) ?? 0,
    )
    const branches = [...byFirst].map(([point, group]) => {
      const first = String.fromCodePoint(point)
      return sequence(text(first), rules.share('other', afterPrefix(group.map((each) => each.slice(first.length)))))
    })
    const others: Expression = sequence({ kind: 'class', ranges: without([...byFirst.keys()]) }, rest)
    return choice(others, ...branches, ...(remaining.includes('') ? [] : [nothing]))
  }
  return quoted(rules.share('key', afterPrefix(writable)))
}

function without(points: readonly number[]): [number, number][] {
  let ranges: [number, number][] = unescaped.kind === 'class' ? unescaped.ranges.map(([from, to]) => [from, to]) : []
  for (const point of points) {
    ranges = ranges.flatMap(([from, to]): [number, number][] => {
      if (point < from || point > to) return [[from, to]]
      const sides: [number, number][] = [
        [from, point - 1],
        [point + 1, to],
      ]
      return sides.filter(([low, high]) => low <= high)
    })
  }
  return ranges
}
