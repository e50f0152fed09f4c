import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Utf8Assembler } from './utf8.ts'

test('text cut anywhere between its bytes comes out whole, and never in half characters', () => {
  // U+FFFD itself may be in a text; here it would be taken for half a character.
  const texts = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\u{FFFD}'))
  fc.assert(
    fc.property(texts, fc.array(fc.nat(40)), (text, cuts) => {
      const bytes = new TextEncoder().encode(text)
      const places = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b)
      const assembler = new Utf8Assembler()
      let out = ''
      let from = 0
      for (const place of [...places, bytes.length]) {
        const piece = assembler.push(bytes.subarray(from, place))
        expect(piece).not.toContain('\u{FFFD}')
        expect(text.startsWith(out + piece)).toBe(true)
        out += piece
        from = place
      }
      expect(out + assembler.flush()).toBe(text)
    }),
  )
})

test('a byte order mark is a character like others', () => {
  expect(new Utf8Assembler().push(new TextEncoder().encode('\u{FEFF}a'))).toBe('\u{FEFF}a')
})

test('any bytes at all come out as some text, and in any pieces as the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const assembler = new Utf8Assembler()
      let out = ''
      for (const byte of bytes) out += assembler.push(Uint8Array.of(byte))
      out += assembler.flush()
      expect(out.isWellFormed()).toBe(true)
      const ascii = (text: string) => text.replaceAll(/[^\0-\x7f]/g, '')
      expect(ascii(out)).toBe(ascii(new TextDecoder().decode(bytes)))
    }),
  )
})
