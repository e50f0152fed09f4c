// Grammars as trees, and their text in llama.cpp's notation (GBNF; documented in llama.cpp's grammars/README.md).

/** Inclusive code points. */
export type Range = readonly [from: number, to: number]

export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'class'; readonly ranges: readonly Range[] }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'choice'; readonly items: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly item: Expression; readonly min: number; readonly max: number | undefined }

/** llama.cpp takes no more than 2,000 copies in one repetition, and reads a larger upper bound as none at all. */
const copiesPerRule = 1000

export const nothing: Expression = { kind: 'sequence', items: [] }

export function text(value: string): Expression {
  return value === '' ? nothing : { kind: 'text', text: value }
}

/** `classOf('az', '09', '-')`: from and to, or one character. */
export function classOf(...ranges: string[]): Expression {
  return { kind: 'class', ranges: ranges.map((range) => rangeOf(range)) }
}

function rangeOf(range: string): Range {
  const points = Array.from(range, (character) => character.codePointAt(0) ?? 0)
  const from = points[0] ?? 0
  return [from, points[1] ?? from]
}

export function sequence(...items: Expression[]): Expression {
  const flat = items.flatMap((item) => (item.kind === 'sequence' ? item.items : [item]))
  return flat.length === 1 && flat[0] ? flat[0] : { kind: 'sequence', items: flat }
}

/** One of several; equal ones count once, because llama.cpp follows each of them for every token. */
export function choice(...items: Expression[]): Expression {
  const flat = items.flatMap((item) => (item.kind === 'choice' ? item.items : [item]))
  const distinct = [...new Map(flat.map((item) => [JSON.stringify(item), item])).values()]
  return distinct.length === 1 && distinct[0] ? distinct[0] : { kind: 'choice', items: distinct }
}

export function optional(item: Expression): Expression {
  return { kind: 'repeat', item, min: 0, max: 1 }
}

/** Named rules under construction; `root` is the one that text must match. */
export class Rules {
  readonly #rules = new Map<string, Expression>()
  readonly #shared = new Map<string, Expression>()

  get size(): number {
    return this.#rules.size
  }

  /** A name for a rule that is defined later, so that it can refer to itself. */
  reserve(hint: string): string {
    const name = `${hint}-${this.#rules.size}`
    this.#rules.set(name, { kind: 'choice', items: [] })
    return name
  }

  define(name: string, expression: Expression): void {
    this.#rules.set(name, expression)
  }

  /** A rule of its own for an expression; equal expressions share one. */
  share(hint: string, expression: Expression): Expression {
    if (expression.kind === 'rule') return expression
    const key = JSON.stringify(expression)
    const known = this.#shared.get(key)
    if (known) return known
    const name = this.reserve(hint)
    this.define(name, expression)
    const rule: Expression = { kind: 'rule', name }
    this.#shared.set(key, rule)
    return rule
  }

  /**
   * Between `min` and `max` of an item, without end when `max` is undefined.
   * Counts above what llama.cpp takes are built of blocks: `up-to ::= fewer | block up-to-less`.
   */
  repeat(item: Expression, min: number, max: number | undefined): Expression {
    const one = item.kind === 'class' ? item : this.share('item', item)
    // Each use of a counted repetition costs as many elements as it counts, hence one rule for all equal ones.
    const times = (from: number, to: number | undefined): Expression => {
      if (to === 0) return nothing
      const counted: Expression = { kind: 'repeat', item: one, min: from, max: to }
      return (to ?? from) <= 8 ? counted : this.share('repeated', counted)
    }
    if ((max ?? min) <= copiesPerRule) return times(min, max)
    const blocks = Array.from({ length: Math.floor(min / copiesPerRule) }, () => times(copiesPerRule, copiesPerRule))
    const required = sequence(...blocks, times(min % copiesPerRule, min % copiesPerRule))
    if (max === undefined) return sequence(required, times(0, undefined))
    const left = max - min
    let upTo = times(0, left % copiesPerRule)
    for (let block = copiesPerRule; block <= left; block += copiesPerRule) {
      const more = sequence(times(copiesPerRule, copiesPerRule), upTo)
      upTo = this.share('up-to', choice(times(0, copiesPerRule - 1), more))
    }
    return sequence(required, upTo)
  }

  /** Whether the empty text matches. Rules that are not defined yet count as matching something. */
  mayBeEmpty(expression: Expression): boolean {
    switch (expression.kind) {
      case 'text':
      case 'class':
        return false
      case 'rule':
        return this.mayBeEmpty(this.#rules.get(expression.name) ?? { kind: 'choice', items: [] })
      case 'sequence':
        return expression.items.every((item) => this.mayBeEmpty(item))
      case 'choice':
        return expression.items.some((item) => this.mayBeEmpty(item))
      case 'repeat':
        return expression.min === 0 || this.mayBeEmpty(expression.item)
    }
  }

  /** The text of all rules that `root` reaches, or undefined when nothing of finite length matches it. */
  render(root: Expression): string | undefined {
    const productive = this.#productive()
    const start = pruned(root, productive)
    if (!start) return undefined
    const lines = [`root ::= ${write(start)}`]
    const seen = new Set<string>()
    const waiting = [...references(start)].toReversed()
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue
      seen.add(name)
      const expression = pruned(this.#rules.get(name) ?? nothing, productive) ?? nothing
      lines.push(`${name} ::= ${write(expression)}`)
      waiting.push(...[...references(expression)].toReversed())
    }
    return `${lines.join('\n')}\n`
  }

  /** The rules that something of finite length matches: a part that can only go on for ever would never let go. */
  #productive(): Set<string> {
    const productive = new Set<string>()
    const dependents = new Map<string, string[]>()
    for (const [name, expression] of this.#rules) {
      for (const reference of references(expression)) {
        const list = dependents.get(reference)
        if (list) list.push(name)
        else dependents.set(reference, [name])
      }
    }
    const waiting = [...this.#rules.keys()]
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const expression = this.#rules.get(name)
      if (productive.has(name) || !expression || !pruned(expression, productive)) continue
      productive.add(name)
      waiting.push(...(dependents.get(name) ?? []))
    }
    return productive
  }
}

/** The expression without the parts that nothing of finite length matches. */
function pruned(expression: Expression, productive: ReadonlySet<string>): Expression | undefined {
  switch (expression.kind) {
    case 'text':
      return expression
    case 'class':
      return expression.ranges.length > 0 ? expression : undefined
    case 'rule':
      return productive.has(expression.name) ? expression : undefined
    case 'sequence': {
      const items = expression.items.map((item) => pruned(item, productive))
      return items.every((item) => item !== undefined) ? sequence(...items) : undefined
    }
    case 'choice': {
      const items = expression.items.map((item) => pruned(item, productive)).filter((item) => item !== undefined)
      return items.length > 0 ? choice(...items) : undefined
    }
    case 'repeat': {
      const item = pruned(expression.item, productive)
      if (item) return { ...expression, item }
      return expression.min === 0 ? nothing : undefined
    }
  }
}

function* references(expression: Expression): Generator<string> {
  if (expression.kind === 'rule') yield expression.name
  if (expression.kind === 'repeat') yield* references(expression.item)
  if (expression.kind === 'sequence' || expression.kind === 'choice') {
    for (const item of expression.items) yield* references(item)
  }
}

function write(expression: Expression): string {
  switch (expression.kind) {
    case 'text':
      return `"${Array.from(expression.text, (character) => escaped(character)).join('')}"`
    case 'class':
      return `[${expression.ranges.map(([from, to]) => writeRange(from, to)).join('')}]`
    case 'rule':
      return expression.name
    case 'sequence':
      if (expression.items.length === 0) return '""'
      return expression.items.map((item) => (item.kind === 'choice' ? `(${write(item)})` : write(item))).join(' ')
    case 'choice':
      return expression.items.map(write).join(' | ')
    case 'repeat':
      return `${atom(expression.item)}${quantifier(expression.min, expression.max)}`
  }
}

function atom(expression: Expression): string {
  // A text of one character is written as one symbol, but a longer one repeats as a whole only inside parentheses.
  const simple = expression.kind === 'rule' || expression.kind === 'class'
  return simple ? write(expression) : `(${write(expression)})`
}

function quantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function writeRange(from: number, to: number): string {
  const [first, last] = [from, to].map((point) => (point === 0x2d ? '\\-' : escaped(String.fromCodePoint(point))))
  return from === to ? `${first}` : `${first}-${last}`
}

const plain = /^[A-Za-z0-9 !#$%&'()*+,./:;<=>?@_`{|}~-]$/
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '[': '\\[',
  ']': '\\]',
  '\n': '\\n',
  '\t': '\\t',
}

function escaped(character: string): string {
  if (plain.test(character)) return character
  if (Object.hasOwn(short, character)) return short[character] ?? character
  const point = character.codePointAt(0) ?? 0
  return point < 0x1_00_00 ? `\\u${point.toString(16).padStart(4, '0')}` : `\\U${point.toString(16).padStart(8, '0')}`
}
