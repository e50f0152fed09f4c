import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addition, membersOf, splice } from './json-splice.ts'

/** JSON text with white space wherever it may be, and names that are escaped in ways no writer would choose. */
function spaced(value: unknown, random: () => number): string {
  const space = () => ['', ' ', '\n\t', '\r\n  '][Math.floor(random() * 4)] ?? ''
  const string = (text: string) =>
    random() < 0.5
      ? JSON.stringify(text)
      : `"${text.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
  const write = (each: unknown): string => {
    if (typeof each === 'string') return string(each)
    if (Array.isArray(each)) return `[${each.map((item) => space() + write(item) + space()).join(',')}]`
    if (typeof each !== 'object' || each === null) return JSON.stringify(each)
    const members = Object.entries(each).map(
      ([key, item]) => `${space()}${string(key)}${space()}:${space()}${write(item)}${space()}`,
    )
    return `{${space()}${members.join(',')}}`
  }
  return space() + write(value) + space()
}

test('of any object in any spelling, the members are where JSON.parse finds them', () => {
  const names = ['model', 'stream', '']
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary' })),
        fc.jsonValue({ depthSize: 'small' }),
      ),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (object, stream) => {
        const text = spaced(object, () => stream.next().value as number)
        const parsed = JSON.parse(text) as Record<string, unknown>
        const { spans, twice, empty } = membersOf(text, names)
        expect(twice).toBeUndefined()
        expect(empty).toBe(Object.keys(parsed).length === 0)
        expect([...spans.keys()].sort()).toEqual(
          Object.keys(parsed)
            .filter((name) => names.includes(name))
            .sort(),
        )
        for (const [name, { start, end }] of spans) expect(JSON.parse(text.slice(start, end))).toEqual(parsed[name])
        const span = spans.get('model')
        const edits = [...(span ? [{ ...span, text: '"other"' }] : []), addition(membersOf(text, []), 'added', '7')]
        expect(JSON.parse(splice(text, edits))).toEqual({ ...parsed, ...(span && { model: 'other' }), added: 7 })
      },
    ),
  )
})

test('a name that is there twice is told, however it is written', () => {
  expect(membersOf('{"model":"a","x":{"model":"b"},"mod\\u0065l":"c"}', ['model', 'stream']).twice).toBe('model')
  expect(membersOf('{"x":[{"model":1},{"model":2}],"model":3}', ['model']).twice).toBeUndefined()
})

test('nesting is as deep as the client likes, and what is not replaced keeps every byte', () => {
  const deep = `${'[{"model":'.repeat(200_000)}1.0${'}]'.repeat(200_000)}`
  const text = `{ "big": 12345678901234567890.10, "deep":${deep}, "model" : "openai/a\\"b" , "e":1E400}`
  const span = membersOf(text, ['model']).spans.get('model')
  if (!span) throw new Error('not found')
  expect(text.slice(span.start, span.end)).toBe('"openai/a\\"b"')
  expect(splice(text, [{ ...span, text: '"x"' }]) === text.replace('"openai/a\\"b"', '"x"')).toBe(true)
})
