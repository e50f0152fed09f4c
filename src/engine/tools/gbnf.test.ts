import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkGrammar } from '../grammar/check.ts'
import { literal, prefixed, untilMarker } from './gbnf.ts'

/** Where a text leaves the rules for `then`, following them a character at a time. */
function leavesAt(rules: readonly string[], text: string): number | undefined {
  let state = 'r-0'
  for (const [at, character] of Array.from(text).entries()) {
    const rule = rules.find((line) => line.startsWith(`${state} ::= `))?.slice(`${state} ::= `.length) ?? ''
    const alternatives = rule.split(' | ').map((each) => each.split(' '))
    const own = alternatives.find(([first]) => first === literal(character)) ?? alternatives.at(-1)
    state = own?.[1] ?? ''
    if (state === 'then') return at + 1
  }
  return undefined
}

test('text up to a marker ends with its first occurrence', () => {
  const letters = fc.constantFrom('a', 'b', 'c', 'x')
  const words = (maxLength: number) => fc.array(letters, { minLength: 1, maxLength }).map((each) => each.join(''))
  fc.assert(
    fc.property(words(5), words(40), (marker, text) => {
      const at = text.indexOf(marker)
      expect(leavesAt(untilMarker('r', marker, 'then'), text)).toBe(at === -1 ? undefined : at + marker.length)
    }),
    { numRuns: 3000 },
  )
})

test('literals and markers of any kind are grammars', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), fc.boolean(), (text, mayEnd) => {
      fc.pre(!text.includes('\0'))
      const rules = [`root ::= r-0 ${literal(text)}`, ...untilMarker('r', text, 'then', mayEnd), 'then ::= "x"']
      checkGrammar(rules.join('\n'), 'grammar')
    }),
  )
})

test('a prefix goes to rules, and to nothing that looks like one', () => {
  const grammar = 'root ::= item{1,2} "item \\" item" [a-item]* # item\nitem ::= ("x" | item-2)?\nitem-2 ::= [^\\]item]'
  expect(prefixed(grammar, 'p-')).toBe(
    'p-root ::= p-item{1,2} "item \\" item" [a-item]* # item\np-item ::= ("x" | p-item-2)?\np-item-2 ::= [^\\]item]',
  )
})
