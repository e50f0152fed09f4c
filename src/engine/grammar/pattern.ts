import { choice, nothing, sequence, type Expression, type Range, type Rules } from './expression.ts'
import { character, unescaped } from './json-rules.ts'

/** What a grammar cannot express; the message says which part of the pattern it is. */
export class UnsupportedPattern extends Error {}

const deepest = 50
const largestCount = 10_000

const digits: Range[] = [[48, 57]]
const word: Range[] = [[48, 57], [65, 90], [95, 95], [97, 122]] // prettier-ignore
const blanks: Range[] = [
  [9, 13], [32, 32], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a], [0x2028, 0x2029], [0x202f, 0x202f],
  [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff],
] // prettier-ignore
const lineEnds: Range[] = [[10, 10], [13, 13], [0x2028, 0x2029]] // prettier-ignore
const classes: Readonly<Record<string, readonly Range[]>> = {
  d: digits,
  D: inverse(digits),
  w: word,
  W: inverse(word),
  s: blanks,
  S: inverse(blanks),
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, 0: 0 }

/**
 * The inside of a JSON string that a regular expression of JavaScript matches.
 * Throws `UnsupportedPattern` for what is not regular (back references, look-around) or not sensible here.
 */
export function patternExpression(rules: Rules, pattern: string): Expression {
  try {
    void new RegExp(pattern)
  } catch {
    throw new UnsupportedPattern('it is no regular expression of JavaScript')
  }
  return new PatternParser(rules, pattern).parse()
}

class PatternParser {
  readonly #rules: Rules
  readonly #points: string[]
  #at = 0
  #depth = 0

  constructor(rules: Rules, pattern: string) {
    this.#rules = rules
    this.#points = Array.from(pattern)
  }

  parse(): Expression {
    const anything = () => this.#rules.repeat(character(this.#rules), 0, undefined)
    const branches: Expression[] = []
    do {
      // A pattern without anchors may match anywhere, so anything may stand around it.
      const before = this.#take('^') ? nothing : anything()
      const body = this.#sequence()
      const after = this.#take('$') ? nothing : anything()
      branches.push(sequence(before, body, after))
    } while (this.#take('|'))
    if (this.#at < this.#points.length) this.#refuse(this.#points[this.#at] ?? '')
    return choice(...branches)
  }

  #take(point: string): boolean {
    if (this.#points[this.#at] !== point) return false
    this.#at++
    return true
  }

  #refuse(part: string): never {
    throw new UnsupportedPattern(`it has '${part}' at position ${this.#at}, which a grammar cannot express`)
  }

  #sequence(): Expression {
    const items: Expression[] = []
    for (;;) {
      const next = this.#points[this.#at]
      const ends = next === undefined || next === '|' || next === ')'
      if (ends || (next === '$' && this.#depth === 0)) return sequence(...items)
      items.push(this.#quantified(this.#atom()))
    }
  }

  #atom(): Expression {
    const next = this.#points[this.#at++]
    switch (next) {
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '.':
        return inString(inverse(lineEnds))
      case '^':
      case '$':
        return this.#refuse(next)
      case '\\':
        return inString(this.#escape())
      case undefined:
      default:
        return inString(single(next ?? ''))
    }
  }

  #group(): Expression {
    if (this.#take('?')) {
      const mark = this.#points[this.#at++] ?? ''
      const next = this.#points[this.#at] ?? ''
      if (mark === '<' && next !== '=' && next !== '!') while (!this.#take('>')) this.#at++
      else if (mark !== ':') this.#refuse(`(?${mark}`)
    }
    if (++this.#depth > deepest) throw new UnsupportedPattern(`it nests groups more than ${deepest} deep`)
    const branches = [this.#sequence()]
    while (this.#take('|')) branches.push(this.#sequence())
    this.#depth--
    if (!this.#take(')')) this.#refuse('(')
    return this.#rules.share('group', choice(...branches))
  }

  #class(): Expression {
    const negated = this.#take('^')
    const ranges: Range[] = []
    while (!this.#take(']')) {
      const from = this.#classMember()
      const first = from[0]?.[0] ?? 0
      if (from.length === 1 && first === from[0]?.[1] && this.#points[this.#at] === '-') {
        if (this.#points[this.#at + 1] !== ']') {
          this.#at++
          const [last, ...others] = this.#classMember()
          if (!last || last[0] !== last[1] || others.length > 0) this.#refuse('-')
          ranges.push([first, last[0]])
          continue
        }
      }
      ranges.push(...from)
    }
    return inString(negated ? inverse(ranges) : ranges)
  }

  #classMember(): readonly Range[] {
    const next = this.#points[this.#at++] ?? ''
    return next === '\\' ? this.#escape(true) : single(next)
  }

  #escape(inClass = false): readonly Range[] {
    const next = this.#points[this.#at++] ?? ''
    const known = Object.hasOwn(classes, next) ? classes[next] : undefined
    if (known) return known
    if (next === '0' && /[0-9]/.test(this.#points[this.#at] ?? '')) return this.#refuse('\\0')
    if (Object.hasOwn(controls, next)) return [[controls[next] ?? 0, controls[next] ?? 0]]
    if (inClass && next === 'b') return [[8, 8]]
    if (next === 'x') return this.#hex(2)
    if (next === 'u') return this.#points[this.#at] === '{' ? this.#bracedHex() : this.#hex(4)
    if (/[a-zA-Z0-9]/.test(next)) return this.#refuse(`\\${next}`)
    return single(next)
  }

  #hex(count: number): Range[] {
    const code = this.#points.slice(this.#at, this.#at + count).join('')
    this.#at += count
    return this.#pointOf(code)
  }

  #bracedHex(): Range[] {
    const end = this.#points.indexOf('}', this.#at)
    const code = this.#points.slice(this.#at + 1, end).join('')
    this.#at = end + 1
    return this.#pointOf(code)
  }

  #pointOf(code: string): Range[] {
    const point = /^[0-9a-fA-F]+$/.test(code) ? Number.parseInt(code, 16) : Number.NaN
    if (!(point <= 0x10_ff_ff)) this.#refuse('\\x or \\u')
    return [[point, point]]
  }

  #quantified(item: Expression): Expression {
    const [min, max] = this.#quantifier()
    if (min === 1 && max === 1) return item
    if (Math.max(min, max ?? 0) > largestCount) {
      throw new UnsupportedPattern(`it counts beyond ${largestCount}`)
    }
    // llama.cpp takes a loop around nothing for left recursion and refuses the grammar.
    if (max !== 0 && this.#rules.mayBeEmpty(item)) {
      if (max === 1) return item
      throw new UnsupportedPattern('it repeats a group that may match nothing')
    }
    return this.#rules.repeat(item, min, max)
  }

  #quantifier(): [min: number, max: number | undefined] {
    const counts = this.#counts()
    if (counts) this.#take('?') // a lazy quantifier matches the same texts
    return counts ?? [1, 1]
  }

  #counts(): [min: number, max: number | undefined] | undefined {
    if (this.#take('*')) return [0, undefined]
    if (this.#take('+')) return [1, undefined]
    if (this.#take('?')) return [0, 1]
    if (!this.#take('{')) return undefined
    const end = this.#points.indexOf('}', this.#at)
    const [min = '', max] = this.#points.slice(this.#at, end).join('').split(',')
    if (!/^\d+$/.test(min) || !/^\d*$/.test(max ?? '')) this.#refuse('{')
    this.#at = end + 1
    return [Number(min), max === undefined ? Number(min) : max === '' ? undefined : Number(max)]
  }
}

function single(point: string): Range[] {
  const code = point.codePointAt(0) ?? 0
  return [[code, code]]
}

function inverse(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0])
  const gaps: Range[] = []
  let from = 0
  for (const [low, high] of sorted) {
    if (low > from) gaps.push([from, low - 1])
    from = Math.max(from, high + 1)
  }
  if (from <= 0x10_ff_ff) gaps.push([from, 0x10_ff_ff])
  return gaps
}

const shortEscapes: readonly [number, string][] = [[34, '\\"'], [92, '\\\\'], [8, '\\b'], [12, '\\f'], [10, '\\n'], [13, '\\r'], [9, '\\t']] // prettier-ignore

/** Characters as they stand inside a JSON string. */
function inString(ranges: readonly Range[]): Expression {
  const allowed = unescaped.kind === 'class' ? unescaped.ranges : []
  const plain = allowed.flatMap(([from, to]) =>
    ranges.map(([low, high]): Range => [Math.max(low, from), Math.min(high, to)]).filter(([low, high]) => low <= high),
  )
  const holds = (point: number) => ranges.some(([low, high]) => low <= point && point <= high)
  const written = new Map(shortEscapes)
  const escapes: Expression[] = []
  for (let point = 0; point < 0x80; point++) {
    if (!holds(point) || (point >= 0x20 && point < 0x7f && !written.has(point))) continue
    escapes.push({ kind: 'text', text: written.get(point) ?? `\\u${point.toString(16).padStart(4, '0')}` })
  }
  return choice(...(plain.length > 0 ? [{ kind: 'class', ranges: plain } as const] : []), ...escapes)
}
