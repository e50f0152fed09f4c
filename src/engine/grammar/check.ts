import { complaint, GbnfParser, type ParsedGrammar, type Rule, type Step } from './gbnf-parser.ts'

const mostBytes = 256 * 1024
const deepestChain = 2000
/** Alternatives open at once; llama.cpp tries each of them on every token of the vocabulary. */
const mostOpen = 20_000

/**
 * Checks a grammar (GBNF) before llama.cpp sees it. llama.cpp does not tell what is wrong, loops for ever on hidden
 * left recursion and ends its process on a repetition such as `{3,2}`, so nothing it might choke on gets through.
 * Throws `invalid_value` with line and column.
 *
 * @example checkGrammar('root ::= "yes" | "no"', 'grammar')
 */
export function checkGrammar(text: string, param: string): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > mostBytes) {
    throw complaint(text, text.length, param, `it takes ${bytes} bytes, and at most ${mostBytes} are allowed`)
  }
  const nul = text.indexOf('\0')
  if (nul !== -1) throw complaint(text, nul, param, String.raw`a NUL character ends the text; write \x00`)
  const grammar = new GbnfParser(text, param).parse()
  const root = grammar.rules[grammar.names.get('root') ?? -1]
  if (!root?.alternatives) throw complaint(text, text.length, param, 'expected a rule named root, found none')
  for (const rule of grammar.rules) {
    if (!rule.alternatives)
      throw complaint(text, rule.at, param, `there is no rule ${JSON.stringify(rule.name.slice(0, 60))}`)
  }
  checkBeginnings(text, param, grammar)
}

/** Refuses left recursion, and grammars whose rules open more alternatives at once than can be followed. */
function checkBeginnings(text: string, param: string, { rules }: ParsedGrammar): void {
  const empty = emptyRules(rules)
  const open = new Map<Rule, number>()
  const active = new Set<Rule>()
  const openOf = (rule: Rule): number => {
    const known = open.get(rule)
    if (known !== undefined) return known
    if (active.has(rule)) {
      throw complaint(text, rule.at, param, `the rule ${rule.name.slice(0, 60)} begins with itself (left recursion)`)
    }
    if (active.size > deepestChain) {
      throw complaint(text, rule.at, param, `more than ${deepestChain} rules begin with one another in a chain`)
    }
    active.add(rule)
    let count = 1
    for (const steps of rule.alternatives ?? []) count += beginnings(steps)
    active.delete(rule)
    count *= empty.has(rule) ? rule.copies : 1
    if (count > mostOpen) {
      throw complaint(
        text,
        rule.at,
        param,
        `the rule ${rule.name.slice(0, 60)} opens more than ${mostOpen} alternatives at once`,
      )
    }
    open.set(rule, count)
    return count
  }
  const beginnings = (steps: readonly Step[]): number => {
    let count = 1
    for (const step of steps) {
      const rule = step === 'terminal' ? undefined : rules[step.rule]
      if (!rule) break
      count += openOf(rule)
      if (!empty.has(rule)) break
    }
    return count
  }
  for (const rule of rules) openOf(rule)
}

/** The rules that match the empty text. */
function emptyRules(rules: readonly Rule[]): Set<Rule> {
  const empty = new Set<Rule>()
  const users = new Map<Rule, Rule[]>()
  for (const rule of rules) {
    for (const step of rule.alternatives?.flat() ?? []) {
      const used = step === 'terminal' ? undefined : rules[step.rule]
      if (!used) continue
      const list = users.get(used)
      if (list) list.push(rule)
      else users.set(used, [rule])
    }
  }
  const isEmpty = (step: Step) => {
    const rule = step === 'terminal' ? undefined : rules[step.rule]
    return rule !== undefined && empty.has(rule)
  }
  const waiting = [...rules]
  for (let rule = waiting.pop(); rule; rule = waiting.pop()) {
    if (empty.has(rule) || !rule.alternatives?.some((steps) => steps.every(isEmpty))) continue
    empty.add(rule)
    waiting.push(...(users.get(rule) ?? []))
  }
  return empty
}
