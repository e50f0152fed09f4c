import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keptContent } from './content.ts'
import { redacted } from './redact.ts'

test('addresses, numbers and keys go, whatever stands around them', () => {
  expect(redacted('Write to jane.doe+x@mail.example.co.uk, please.')).toBe('Write to [email], please.')
  expect(redacted('Call +49 (30) 1234 5678 or 030-1234567.')).toBe('Call [phone] or [phone].')
  expect(redacted('key sk-proj-abcdefghijklmnopqrstuvwxyz123456!')).toBe('key [key]!')
  expect(redacted('Authorization: Bearer abc.def-ghi_jkl')).toBe('Authorization: [key]')
  expect(redacted('AKIAIOSFODNN7EXAMPLE1234')).toBe('[key]')
})

test('what only looks a little like one stays', () => {
  for (const text of [
    'in 2026',
    '$1,234.50',
    '12:30',
    'a @ b',
    'version 1.2.3',
    'skip-this',
    'page 12 of 340',
    '2026-11-25',
    '0.12345678',
    '1,234,567,890',
  ]) {
    expect(redacted(text)).toBe(text)
  }
})

test('an address that is spelled with escapes in JSON goes too', () => {
  const { asked } = keptContent({ asked: '{"a":["jane\\u0040example.com"]}', answered: null, redact: true })
  expect(asked).toBe('{"a":["[email]"]}')
  const cut = keptContent({ asked: '{"a":"jane@example.com', answered: 'jane@example.com', redact: true })
  expect(cut).toEqual({ asked: '{"a":"[email]', answered: '[email]' })
  expect(keptContent({ asked: 'jane@example.com', answered: null, redact: false }).asked).toBe('jane@example.com')
})

test('no address survives, and nothing is lost around it', () => {
  const name = fc.stringMatching(/^[a-z]{1,10}(\.[a-z]{1,5}){0,2}$/)
  const around = fc.constantFrom('', ' ', '"', '<', '\n', 'ü', ',')
  fc.assert(
    fc.property(name, name, around, around, (user, host, before, after) => {
      const text = redacted(`${before}${user}@${host}.example${after}`)
      expect(text).not.toContain('@')
      expect(text.startsWith(before)).toBe(true)
      expect(text.endsWith(after)).toBe(true)
    }),
  )
})
