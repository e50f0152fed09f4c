import { InferloomError } from '../../canonical/errors.ts'

/** One step of an alternative, as far as its beginning matters: a rule, or something that takes text. */
export type Step = { readonly rule: number } | 'terminal'

export interface Rule {
  readonly name: string
  readonly at: number
  alternatives: Step[][] | undefined
  /** How often llama.cpp chains copies of this rule: that many times its alternatives may open at once. */
  copies: number
}

export interface ParsedGrammar {
  readonly rules: readonly Rule[]
  readonly names: ReadonlyMap<string, number>
}

/** llama.cpp's MAX_REPETITION_THRESHOLD; a larger upper bound silently counts as none. */
const mostCopies = 2000
const deepestGroups = 100
const mostRules = 100_000
/** Symbols after llama.cpp has written out all repetitions. */
const mostElements = 1_000_000

/** The complaint about a place in the grammar's text. */
export function complaint(text: string, at: number, param: string, problem: string): InferloomError {
  const before = text.slice(0, at).split('\n')
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
  return new InferloomError('invalid_value', `${param} is not a valid grammar: ${place}: ${problem}.`, { param })
}

/** Reads a grammar in llama.cpp's notation, as strictly as llama.cpp and as strictly as is safe for it. */
export class GbnfParser {
  readonly #text: string
  readonly #param: string
  readonly #rules: Rule[] = []
  readonly #names = new Map<string, number>()
  #at = 0
  #depth = 0
  #elements = 0

  constructor(text: string, param: string) {
    this.#text = text
    this.#param = param
  }

  parse(): ParsedGrammar {
    this.#space(true)
    while (this.#at < this.#text.length) this.#rule()
    return { rules: this.#rules, names: this.#names }
  }

  fail(problem: string, at = this.#at): never {
    throw complaint(this.#text, at, this.#param, problem)
  }

  #peek(length = 1): string {
    return this.#text.slice(this.#at, this.#at + length)
  }

  #found(): string {
    return this.#at < this.#text.length ? JSON.stringify(this.#peek(12)) : 'the end'
  }

  #expected(what: string): never {
    return this.fail(`expected ${what}, found ${this.#found()}`)
  }

  #space(newlines: boolean): void {
    const blanks = newlines ? /(?:[ \t\r\n]|#[^\r\n]*)*/y : /(?:[ \t]|#[^\r\n]*)*/y
    blanks.lastIndex = this.#at
    this.#at += blanks.exec(this.#text)?.[0].length ?? 0
  }

  #name(): string {
    const word = /[A-Za-z0-9-]+/y
    word.lastIndex = this.#at
    const name = word.exec(this.#text)?.[0]
    if (name === undefined) return this.#expected('a rule name (letters, digits, -)')
    this.#at += name.length
    return name
  }

  #symbol(name: string, at: number): number {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const id = this.#generated(name, at)
    this.#names.set(name, id)
    return id
  }

  #generated(name: string, at: number): number {
    if (this.#rules.length >= mostRules) this.fail(`it has more than ${mostRules} rules; use fewer`, at)
    this.#rules.push({ name, at, alternatives: undefined, copies: 1 })
    return this.#rules.length - 1
  }

  #rule(): void {
    const start = this.#at
    const name = this.#name()
    this.#space(false)
    if (this.#peek(3) !== '::=') this.#expected(`::= after the rule name ${name.slice(0, 60)}`)
    this.#at += 3
    const rule = this.#rules[this.#symbol(name, start)]
    if (rule?.alternatives) this.fail(`the rule ${name.slice(0, 60)} is defined a second time`, start)
    this.#space(true)
    const alternatives = this.#alternatives(name, false)
    if (rule) rule.alternatives = alternatives
    if (this.#at < this.#text.length && !/[\r\n]/.test(this.#peek()))
      this.#expected('a symbol, | or the end of the line')
    this.#space(true)
  }

  #alternatives(name: string, nested: boolean): Step[][] {
    const alternatives = [this.#sequence(name, nested)]
    while (this.#peek() === '|') {
      this.#at++
      this.#space(true)
      alternatives.push(this.#sequence(name, nested))
    }
    return alternatives
  }

  #sequence(name: string, nested: boolean): Step[] {
    const steps: Step[] = []
    // What a quantifier would repeat: how many steps, how many symbols, and how many rules llama.cpp counts for it.
    let last = { steps: 0, size: 0, rules: 1 }
    for (;;) {
      const next = this.#peek()
      const before = this.#rules.length
      if (next !== '' && '*+?{'.includes(next)) {
        if (last.size === 0) this.fail(`expected something to repeat before ${next}`)
        const [min, max] = this.#quantifier(nested)
        this.#repeat(steps, last, min, max, name)
        continue
      }
      let added: Step[]
      let size = 1
      if (next === '"') {
        size = this.#literal()
        added = size > 0 ? ['terminal'] : []
      } else if (next === '[') {
        size = this.#characters()
        added = ['terminal']
      } else if (next === '.') {
        this.#at++
        added = ['terminal']
      } else if (next === '<' || next === '!') {
        this.#token()
        added = ['terminal']
      } else if (next === '(') {
        added = [{ rule: this.#group(name) }]
      } else if (/[A-Za-z0-9-]/.test(next)) {
        const start = this.#at
        added = [{ rule: this.#symbol(this.#name(), start) }]
      } else {
        return steps
      }
      this.#space(nested)
      this.#count(size)
      last = { steps: added.length, size, rules: next === '(' ? Math.max(1, this.#rules.length - before) : 1 }
      steps.push(...added)
    }
  }

  #count(elements: number): void {
    this.#elements += elements
    if (this.#elements > mostElements) this.fail('its repetitions come to too many symbols; use smaller counts')
  }

  #repeat(
    steps: Step[],
    last: { steps: number; size: number; rules: number },
    min: number,
    max: number | undefined,
    name: string,
  ): void {
    const copies = max === undefined || max === 0 ? Math.max(1, min) : max
    last.rules *= copies
    if (last.rules > mostCopies) {
      this.fail(`the repetition comes to ${last.rules} copies of rules; llama.cpp takes at most ${mostCopies}`)
    }
    this.#count(copies * (last.size + 3))
    const repeated = steps.splice(steps.length - last.steps, last.steps)
    if (min > 0) steps.push(...repeated)
    const optionalCopies = max === undefined ? 1 : max - min
    if (optionalCopies > 0) {
      const id = this.#generated(name, this.#at)
      for (let copy = 1; copy < optionalCopies; copy++) this.#generated(name, this.#at)
      const rule = this.#rules[id]
      if (rule) {
        rule.alternatives = [max === undefined ? [...repeated, { rule: id }] : repeated, []]
        rule.copies = optionalCopies
      }
      for (let copy = 1; copy < optionalCopies; copy++) {
        const unused = this.#rules[id + copy]
        if (unused) unused.alternatives = [[]]
      }
      steps.push({ rule: id })
    }
    last.steps = (min > 0 ? last.steps : 0) + (optionalCopies > 0 ? 1 : 0)
    last.size = last.steps === 0 ? 0 : copies * last.size
  }

  #quantifier(nested: boolean): [min: number, max: number | undefined] {
    const start = this.#at
    const mark = this.#peek()
    this.#at++
    this.#space(nested)
    if (mark === '*') return [0, undefined]
    if (mark === '+') return [1, undefined]
    if (mark === '?') return [0, 1]
    const min = this.#integer()
    let max: number | undefined = min
    if (this.#peek() === ',') {
      this.#at++
      this.#space(nested)
      max = /[0-9]/.test(this.#peek()) ? this.#integer() : undefined
    }
    this.#space(nested)
    if (this.#peek() !== '}') this.#expected(', or }')
    this.#at++
    this.#space(nested)
    if (max !== undefined && max < min) this.fail(`the repetition {${min},${max}} ends below its beginning`, start)
    if (Math.max(min, max ?? 0) > mostCopies) this.fail(`a repetition goes up to ${mostCopies} at most`, start)
    return [min, max]
  }

  #integer(): number {
    const digits = /[0-9]{1,15}/y
    digits.lastIndex = this.#at
    const found = digits.exec(this.#text)?.[0]
    if (found === undefined) return this.#expected('a number')
    this.#at += found.length
    this.#space(false)
    return Number(found)
  }

  #literal(): number {
    const start = this.#at++
    let size = 0
    for (; this.#peek() !== '"'; size++) {
      if (this.#at >= this.#text.length) this.fail('the literal that begins here has no closing "', start)
      this.#character()
    }
    this.#at++
    return size
  }

  #characters(): number {
    const start = this.#at++
    if (this.#peek() === '^') this.#at++
    let size = 0
    for (; this.#peek() !== ']'; size++) {
      if (this.#at >= this.#text.length) this.fail('the character class that begins here has no closing ]', start)
      const from = this.#at
      const low = this.#character()
      if (this.#peek() !== '-' || this.#peek(2) === '-]') continue
      this.#at++
      if (this.#at >= this.#text.length) this.fail('the character class that begins here has no closing ]', start)
      if (this.#character() < low) this.fail('the range ends below its beginning', from)
    }
    if (size === 0) this.fail('the character class is empty', start)
    this.#at++
    return size
  }

  #character(): number {
    if (this.#peek() !== '\\') {
      const point = this.#text.codePointAt(this.#at) ?? 0
      this.#at += point > 0xff_ff ? 2 : 1
      return point
    }
    const escape = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[trn\\"[\]-])/y
    escape.lastIndex = this.#at
    const found = escape.exec(this.#text)
    if (!found) return this.#expected(String.raw`an escape (\x41 \u0041 \U00000041 \t \r \n \\ \" \[ \] \-)`)
    this.#at += found[0].length
    const hex = found[1] ?? found[2] ?? found[3]
    if (hex !== undefined) return Number.parseInt(hex, 16)
    const named: Readonly<Record<string, number>> = { t: 9, r: 13, n: 10 }
    return named[found[0].slice(1)] ?? found[0].codePointAt(1) ?? 0
  }

  #token(): void {
    const token = /!?<(?:\[[0-9]{1,9}\]|[^[>][^>]*)>/y
    token.lastIndex = this.#at
    const found = token.exec(this.#text)
    if (!found) return this.#expected('a token: <text> or <[number]>')
    this.#at += found[0].length
  }

  #group(name: string): number {
    const start = this.#at++
    if (++this.#depth > deepestGroups) this.fail(`groups nest more than ${deepestGroups} deep`, start)
    this.#space(true)
    const id = this.#generated(name, start)
    const alternatives = this.#alternatives(name, true)
    const rule = this.#rules[id]
    if (rule) rule.alternatives = alternatives
    if (this.#peek() !== ')') this.#expected(') that closes the group')
    this.#at++
    this.#depth--
    return id
  }
}
