import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { compactJson } from './compact-json.ts'
import { withoutBlanks } from './white-space.ts'

const seed = 20_261_125

test('JSON keeps every value to the letter', () => {
  expect(compactJson('{ "a" : 1.50e+3 , "a": "x  \\" y" ,\n "b": [ 1, 12345678901234567890 ] }')).toBe(
    '{"a":1.50e+3,"a":"x  \\" y","b":[1,12345678901234567890]}',
  )
  for (const text of ['{"a":1}', 'plain text here', '{ "a": ', '"a b"', '12 ', ''])
    expect(compactJson(text)).toBeUndefined()
})

test('compact JSON is the same value, whatever it was and however it was laid out', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 1, 2, '\t', ' \t'), (value, indent) => {
      const text = JSON.stringify([value], undefined, indent)
      const compact = compactJson(text) ?? text
      expect(JSON.parse(compact)).toEqual(JSON.parse(text))
      expect(compact).toBe(
        JSON.stringify(JSON.parse(text)) === JSON.stringify([value]) ? JSON.stringify([value]) : compact,
      )
    }),
    { seed, numRuns: 500 },
  )
})

test('blanks at the ends of lines and repeated empty lines go, and what they mean stays', () => {
  expect(withoutBlanks('a \t\n\n \n\nb')).toBe('a\n\nb')
  expect(withoutBlanks('a   \nb')).toBe('a  \nb')
  expect(withoutBlanks('a \r\n\r\n\r\n\r\nb')).toBe('a\r\n\nb')
  const code = '```py\nx = 1   \n\n\n\ny = 2\n```'
  expect(withoutBlanks(code)).toBe(code)
  expect(withoutBlanks(`${code}\n\n\n\nend `)).toBe(`${code}\n\nend`)
  const indented = '    x = 1 \n\n\n    y = 2'
  expect(withoutBlanks(indented)).toBe(indented)
  expect(withoutBlanks('<pre>\na  \n\n\n</pre>')).toBe('<pre>\na  \n\n\n</pre>')
  // A fence that nobody closes goes on to the end.
  expect(withoutBlanks('~~~\na  \n\n\n\n```')).toBe('~~~\na  \n\n\n\n```')
})

test('only blanks and empty lines are ever taken, never more than once, and nothing gets longer', () => {
  const piece = fc.constantFrom('a', 'b c', '  ', ' ', '\t', '\n', '\n\n\n', '```', '~~~', '    x', '\r\n', '- ')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('')
      const short = withoutBlanks(text)
      expect(short.length).toBeLessThanOrEqual(text.length)
      expect(short.replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''))
      expect(withoutBlanks(short)).toBe(short)
    }),
    { seed, numRuns: 2000 },
  )
})
