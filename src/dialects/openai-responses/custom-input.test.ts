import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CustomInputReader } from './custom-input.ts'

function readIn(pieces: readonly string[]): { streamed: string; all: string } {
  const reader = new CustomInputReader()
  const streamed = pieces.map((piece) => reader.read(piece)).join('')
  return { streamed, all: streamed + reader.end() }
}

/** Any way to cut a text. */
function cut(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = []
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}

test('reads any text out of its JSON, however that is cut and escaped', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\t', 'é', '😀', '\u2028', '/', '{', '}') })
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(text, sizes, fc.boolean(), fc.boolean(), (input, given, ascii, spaced) => {
      const json = JSON.stringify({ input }, null, spaced ? 1 : 0)
      const escaped = ascii
        ? json.replaceAll(/[^\n -~]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
        : json
      const { streamed, all } = readIn(cut(escaped, given))
      expect(streamed).toBe(input)
      expect(all).toBe(input)
    }),
  )
})

test('does not wait for the end to tell what is there', () => {
  const reader = new CustomInputReader()
  expect([reader.read('{"input'), reader.read('": "ab'), reader.read('c\\'), reader.read('nd')]).toEqual([
    '',
    'ab',
    'c',
    '\nd',
  ])
})

test.each(['plain text', '["a"]', `{"other": "${'x'.repeat(300)}"}`, ''])(
  'what is no such call stays as it is: %s',
  (text) => {
    expect(readIn([text]).all).toBe(text)
  },
)

test('what the model cut off ends where it was cut', () => {
  expect(readIn(['{"input": "ab\\u00']).all).toBe('ab\\u00')
  expect(readIn(['{"input": "ab']).all).toBe('ab')
})
