import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matches, wander } from '../../../test/grammar-sampler.ts'
import { checkGrammar } from './check.ts'
import { grammarOfJsonSchema, jsonObjectGrammar } from './json-schema.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

function object(properties: Record<string, unknown>, required: string[] = []): Record<string, unknown> {
  return { type: 'object', properties, required, additionalProperties: false }
}

const tree = object({ value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#' } } }, ['value'])
const number = { type: 'number' }
const string = { type: 'string' }

describe('what a schema lets through', () => {
  test.each<[name: string, schema: unknown, good: string[], bad: string[]]>([
    [
      'any string',
      string,
      ['""', '"é😀"', '"\\u00e9\\n"', '"\\ud83d\\ude00"'],
      ['"', '"\n"', '1', '"\\ud83d"', '"\\x"'],
    ],
    ['length', { type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', '"😀é"', '"a\\n\\u0041"'], ['"a"', '"abcd"']],
    ['long', { type: 'string', maxLength: 2500 }, ['""', `"${'x'.repeat(2500)}"`], [`"${'x'.repeat(2501)}"`]],
    ['long at least', { type: 'string', minLength: 1200 }, [`"${'x'.repeat(1200)}"`], [`"${'x'.repeat(1199)}"`]],
    [
      'integer',
      { type: 'integer' },
      ['0', '-1', '123456789012345'],
      ['01', '1.0', '1e3', '-0', '1234567890123456', '+1'],
    ],
    [
      'range',
      { type: 'integer', minimum: -12, maximum: 105 },
      ['-12', '-9', '0', '99', '105'],
      ['-13', '-20', '106', '110', '00'],
    ],
    ['exclusive', { type: 'integer', exclusiveMinimum: 9, exclusiveMaximum: 12 }, ['10', '11'], ['9', '12', '1']],
    ['at least', { type: 'integer', minimum: 18 }, ['18', '999999999999999'], ['17', '-18', '9']],
    ['large', { type: 'integer', minimum: 9007199254740990 }, ['9007199254740991'], ['9007199254740992', '1']],
    ['number', number, ['0', '-0.5', '1e10', '3.25E-2'], ['.5', '1.', '1e400', 'NaN', '01']],
    [
      'number range',
      { ...number, minimum: 0, maximum: 1 },
      ['0', '0.0', '0.999', '1', '1.00'],
      ['1.01', '-0.1', '2', '1e0'],
    ],
    [
      'open range',
      { ...number, exclusiveMinimum: 0, exclusiveMaximum: 0.25 },
      ['0.1', '0.2499', '0.001'],
      ['0', '0.0', '0.25', '0.250', '0.3'],
    ],
    [
      'below zero',
      { ...number, minimum: -1.5, exclusiveMaximum: -0.25 },
      ['-1.5', '-0.251', '-1'],
      ['-0.25', '-1.51', '0', '-2'],
    ],
    ['boolean', { type: 'boolean' }, ['true', 'false'], ['null', 'True', '']],
    ['null or string', { type: ['string', 'null'] }, ['null', '"a"'], ['1']],
    ['nullable', { type: 'integer', nullable: true }, ['null', '7'], ['"a"']],
    [
      'enum',
      { enum: ['a', 'ab', 'abc', 'b"\\', 1, null, { x: [1] }] },
      ['"a"', '"abc"', '"b\\"\\\\"', '1', 'null', '{"x":[1]}'],
      ['"ac"', '""', '2', '{}'],
    ],
    ['enum of a type', { type: 'string', enum: ['a', 1] }, ['"a"'], ['1']],
    ['const', { const: 'x-1' }, ['"x-1"'], ['"x-2"']],
    [
      'optional properties',
      object({ a: number, b: string, c: number }, ['b']),
      ['{"b":""}', '{"a":1,"b":"","c":2}', '{\n  "b": "x",\n  "c": 1\n}'],
      ['{}', '{"a":1}', '{"b":"","a":1}', '{"b":"",}', '{,"b":""}', '{"b":"","d":1}'],
    ],
    [
      'all optional',
      object({ a: number, b: number }),
      ['{}', '{ }', '{"a":1}', '{"b":1}', '{"a":1,"b":2}'],
      ['{,}', '{"a":1,}'],
    ],
    [
      'extra properties',
      { type: 'object', properties: { ab: number }, additionalProperties: string },
      ['{"ab":1,"x":"y"}', '{"a":"y","abc":"z"}', '{}'],
      ['{"ab":"y"}', '{"x":1}', '{"x":"y","ab":1}', '{"\\u0061b":"y"}'],
    ],
    ['any object', { type: 'object' }, ['{}', '{"a":{"b":[null]}}'], ['[]']],
    ['a required key without a schema', { type: 'object', required: ['k'] }, ['{"k":[1]}'], ['{}', '{"j":1}']],
    [
      'items',
      { type: 'array', items: number, minItems: 1, maxItems: 3 },
      ['[1]', '[1, 2,3]', '[\n  1\n]'],
      ['[]', '[1,2,3,4]', '["a"]', '[1,]'],
    ],
    ['no items', { type: 'array', maxItems: 0 }, ['[]', '[ ]'], ['[1]']],
    [
      'tuple',
      { type: 'array', prefixItems: [string, number], items: false, minItems: 1 },
      ['["a"]', '["a",1]'],
      ['[]', '["a",1,2]', '[1]'],
    ],
    [
      'open tuple',
      { type: 'array', items: [string], additionalItems: number },
      ['[]', '["a",1,2]'],
      ['[1]', '["a","b"]'],
    ],
    ['recursion', tree, ['{"value":1,"children":[{"value":2,"children":[]}]}'], ['{"value":1,"children":[{}]}']],
    [
      '$defs',
      { $defs: { 'a/b': string, 'c d': number }, anyOf: [{ $ref: '#/$defs/a~1b' }, { $ref: '#/$defs/c%20d' }] },
      ['"x"', '1'],
      ['null'],
    ],
    ['an alternative that is itself', { anyOf: [string, { $ref: '#' }] }, ['"a"'], ['1']],
    [
      'allOf',
      {
        allOf: [
          object({ a: number, b: string }, ['a']),
          { type: 'object', properties: { a: { minimum: 5, type: 'number' } }, required: ['b'] },
        ],
      },
      ['{"a":5,"b":""}'],
      ['{"a":4,"b":""}', '{"a":5}'],
    ],
    [
      '$ref with more',
      { $defs: { n: { type: 'number', minimum: 1 } }, $ref: '#/$defs/n', maximum: 2, description: 'x' },
      ['1', '1.5', '2'],
      ['0', '3'],
    ],
    [
      'anyOf beside properties',
      {
        type: 'object',
        properties: { a: number, b: number },
        additionalProperties: false,
        anyOf: [{ required: ['a'] }, { required: ['b'] }],
      },
      ['{"a":1}', '{"b":1}', '{"a":1,"b":1}'],
      ['{}'],
    ],
    ['oneOf of types', { oneOf: [string, { type: 'array' }] }, ['"a"', '[1]'], ['1']],
    [
      'oneOf told by a const',
      { oneOf: [object({ kind: { const: 'a' }, x: number }, ['kind']), object({ kind: { enum: ['b'] } }, ['kind'])] },
      ['{"kind":"a","x":1}', '{"kind":"b"}'],
      ['{"kind":"b","x":1}'],
    ],
    [
      'an alternative that cannot be met',
      { type: ['object', 'null'], anyOf: [string, { type: 'null' }] },
      ['null'],
      ['"a"'],
    ],
    ['a forbidden property', { type: 'object', properties: { a: false, b: number } }, ['{}', '{"b":1}'], ['{"a":1}']],
    [
      'a property named __proto__',
      JSON.parse('{"type":"object","properties":{"__proto__":{"type":"number"}},"required":["__proto__"]}'),
      ['{"__proto__":1}'],
      ['{}'],
    ],
    [
      'strange keys',
      object({ 'a"\\\n\u0000é😀]': number }, ['a"\\\n\u0000é😀]']),
      ['{"a\\"\\\\\\n\\u0000é😀]":1}'],
      ['{}'],
    ],
    ['anything', {}, ['1', '"a"', '{"a":[true]}'], ['', 'x']],
    [
      'date',
      { type: 'string', format: 'date' },
      ['"2024-02-29"', '"2000-02-29"', '"2023-12-31"'],
      ['"2023-02-29"', '"1900-02-29"', '"2023-04-31"', '"2023-13-01"', '"2023-1-1"'],
    ],
    [
      'date-time',
      { type: 'string', format: 'date-time' },
      ['"2024-01-02T03:04:05Z"', '"2024-01-02T23:59:59.123+01:30"'],
      ['"2024-01-02T24:00:00Z"', '"2024-01-02"'],
    ],
    [
      'uuid',
      { type: 'string', format: 'uuid' },
      ['"123e4567-e89b-12d3-a456-426614174000"'],
      ['"123e4567e89b12d3a456426614174000"'],
    ],
    [
      'ipv4',
      { type: 'string', format: 'ipv4' },
      ['"0.0.0.0"', '"255.249.10.199"'],
      ['"256.1.1.1"', '"1.1.1"', '"01.1.1.1"'],
    ],
    [
      'ipv6',
      { type: 'string', format: 'ipv6' },
      ['"::"', '"::1"', '"fe80::1:2"', '"1:2:3:4:5:6:7:8"'],
      ['"1:2"', '":::"', '"1::2::3"', '"1:2:3:4:5:6:7:8:9"'],
    ],
    [
      'email',
      { type: 'string', format: 'email' },
      ['"a.b+c@mail.example.org"'],
      ['"a"', '"a@b"', '"@b.org"', '"a..b@c.org"'],
    ],
    [
      'uri',
      { type: 'string', format: 'uri' },
      ['"https://example.com:80/a%20b?q=1#x"'],
      ['"example"', '"https://exa mple.com"'],
    ],
    [
      'duration',
      { type: 'string', format: 'duration' },
      ['"P3W"', '"P1Y2M"', '"PT5M"', '"P1DT12H"'],
      ['"P"', '"PT"', '"1D"', '"P1YT"'],
    ],
    [
      'pattern',
      { type: 'string', pattern: '^[A-Z]{2}\\d+(?:-(?:x|yy))?$' },
      ['"AB1"', '"AB12-yy"'],
      ['"A1"', '"AB"', '"AB1-z"', '" AB1"'],
    ],
    ['pattern without anchors', { type: 'string', pattern: 'b+|^a$' }, ['"xxbby"', '"a"'], ['"xx"', '"aa"']],
    [
      'pattern with escapes',
      { type: 'string', pattern: '^["\\\\\\n][^a]\\.\\/\\x41\\u{42}$'.replace('\\u{42}', '\\u0042') },
      ['"\\"b./AB"', '"\\n\\"./AB"'],
      ['"\\"a./AB"', '""b./AB"'],
    ],
    [
      'pattern of counts',
      { type: 'string', pattern: '^(ab{2,3}){2}.*?$' },
      ['"abbabbb"', '"abbabbxyz"'],
      ['"ababb"', '"abb"'],
    ],
  ])('%s', (_, schema, good, bad) => {
    const grammar = grammarOfJsonSchema(schema)
    expect(good.filter((text) => !matches(grammar, text))).toEqual([])
    expect(bad.filter((text) => matches(grammar, text))).toEqual([])
  })

  test('any JSON object, for json_object', () => {
    checkGrammar(jsonObjectGrammar, 'grammar')
    const texts = ['{}', '{"a":[1,{"b":null}],"c":"\\n"}', '{\n  "a": 1\n}']
    expect(texts.filter((text) => !matches(jsonObjectGrammar, text))).toEqual([])
    expect(['[]', '1', '{', '{"a"}', `{${'\n'.repeat(3)}}`].filter((text) => matches(jsonObjectGrammar, text))).toEqual(
      [],
    )
  })

  test('a hundred optional properties take no more than a few rules each', () => {
    const properties = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`p${index}`, number]))
    const grammar = grammarOfJsonSchema(object(properties))
    expect(grammar.split('\n').length).toBeLessThan(450)
    expect(matches(grammar, '{"p3":1,"p99":2}')).toBe(true)
    expect(matches(grammar, '{"p99":1,"p3":2}')).toBe(false)
  })
})

const at = 'response_format.json_schema.schema'
const nested = (depth: number): unknown => (depth === 0 ? string : { type: 'array', items: nested(depth - 1) })
const unions = { anyOf: Array.from({ length: 30 }, (_, index) => ({ required: [`k${index}`] })) }

describe('what is refused, by name', () => {
  test.each<[schema: unknown, code: string, param: string, message: string]>([
    [
      object({ x: { type: 'string', pattern: '(?=a)' } }),
      'unsupported_parameter',
      `${at}.properties.x.pattern`,
      "it has '(?='",
    ],
    [{ type: 'string', pattern: '(a)\\1' }, 'unsupported_parameter', `${at}.pattern`, "it has '\\1'"],
    [
      { type: 'string', pattern: '(a*)*' },
      'unsupported_parameter',
      `${at}.pattern`,
      'repeats a group that may match nothing',
    ],
    [{ type: 'string', pattern: '(' }, 'unsupported_parameter', `${at}.pattern`, 'no regular expression'],
    [
      { type: 'string', pattern: '^a$', maxLength: 3 },
      'unsupported_parameter',
      `${at}.pattern`,
      'together with a length',
    ],
    [{ type: 'string', format: 'color' }, 'unsupported_parameter', `${at}.format`, 'use one of date, time'],
    [{ type: 'integer', multipleOf: 5 }, 'unsupported_parameter', `${at}.multipleOf`, 'a grammar cannot divide'],
    [{ type: 'array', uniqueItems: true }, 'unsupported_parameter', `${at}.uniqueItems`, 'cannot remember'],
    [{ type: 'array', contains: string }, 'unsupported_parameter', `${at}.contains`, 'leave contains out'],
    [{ not: string }, 'unsupported_parameter', `${at}.not`, 'leave not out'],
    [{ if: string }, 'unsupported_parameter', `${at}.if`, 'leave if out'],
    [{ type: 'object', patternProperties: {} }, 'unsupported_parameter', `${at}.patternProperties`, 'not supported'],
    [{ type: 'object', minProperties: 1 }, 'unsupported_parameter', `${at}.minProperties`, 'cannot count'],
    [{ type: 'string', maxLenght: 3 }, 'unsupported_parameter', `${at}.maxLenght`, 'not supported'],
    [{ oneOf: [string, { type: 'string', maxLength: 3 }] }, 'unsupported_parameter', `${at}.oneOf[0]`, 'use anyOf'],
    [{ $ref: 'https://example.com/x' }, 'unsupported_parameter', `${at}.$ref`, 'it leaves this schema'],
    [{ $ref: '#/$defs/gone' }, 'invalid_value', `${at}.$ref`, 'has no "$defs"'],
    [{ $ref: '#/constructor/name' }, 'invalid_value', `${at}.$ref`, 'has no "constructor"'],
    [{ $ref: '#' }, 'invalid_value', at, 'refers only to itself'],
    [object({ next: { $ref: '#' } }, ['next']), 'invalid_value', at, 'without an end'],
    [{ enum: [] }, 'invalid_value', `${at}.enum`, 'cannot be met'],
    [{ type: 'number', enum: ['a'] }, 'invalid_value', `${at}.enum`, 'cannot be met'],
    [{ type: [] }, 'invalid_value', `${at}.type`, 'names no type'],
    [{ type: 'text' }, 'invalid_value', `${at}.type`, 'expected one of string'],
    [
      { type: 'array', minItems: 3, maxItems: 2 },
      'invalid_value',
      `${at}.maxItems`,
      'minItems 3 is more than maxItems 2',
    ],
    [{ type: 'integer', minimum: 3, maximum: 2 }, 'invalid_value', at, 'no integer'],
    [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 4 }, 'invalid_value', at, 'above 3 below 4'],
    [{ type: 'number', exclusiveMinimum: 1, maximum: 1 }, 'invalid_value', at, 'above 1 up to 1'],
    [object({ a: false }, ['a']), 'invalid_value', `${at}.properties.a`, 'which is required'],
    [false, 'invalid_value', at, 'nothing meets'],
    [null, 'invalid_value', at, 'expected a schema'],
    [{ anyOf: [] }, 'invalid_value', `${at}.anyOf`, 'empty list'],
    [{ allOf: [string, number] }, 'invalid_value', at, 'every type'],
    [{ type: 'string', minLength: -1 }, 'invalid_value', `${at}.minLength`, 'an integer that is 0 or more'],
    [{ type: 'string', minLength: 1e6 }, 'unsupported_parameter', `${at}.minLength`, 'use at most 10000'],
    [{ type: 'number', minimum: 0.1234567890123456 }, 'unsupported_parameter', at, 'fewer digits'],
    [
      { enum: Array.from({ length: 2001 }, (_, index) => index) },
      'unsupported_parameter',
      `${at}.enum`,
      'more than 2000',
    ],
  ])('%j', (schema, code, param, message) => {
    const refuse = () => grammarOfJsonSchema(schema)
    expect(refuse).toThrow(message)
    expect(refuse).toThrow(expect.objectContaining({ code, param }))
  })

  test('schemas made to be too large', () => {
    expect(() => grammarOfJsonSchema(nested(101))).toThrow('nests more than 100 deep')
    expect(() =>
      grammarOfJsonSchema({
        type: 'object',
        allOf: [unions, structuredClone(unions), structuredClone(unions), structuredClone(unions)],
      }),
    ).toThrow('too large')
    const wide = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`p${index}`, string]))
    expect(() => grammarOfJsonSchema(object(wide))).toThrow('more than 1000')
    const lengths = Object.fromEntries(
      Array.from({ length: 900 }, (_, index) => [`p${index}`, { type: 'string', maxLength: 100 + index }]),
    )
    expect(() => grammarOfJsonSchema(object(lengths))).toThrow('too large a grammar')
  })
})

/** A schema, values that it takes and values that it does not, by construction. */
interface Sample {
  readonly schema: Record<string, unknown>
  readonly good: Json
  readonly bad: Json
}

// Without backslashes: V8's JSON.parse, once it has seen the key "\\" (one backslash), reads the key "\"" (one quote)
// as that one in an object that begins alike (Node 24.21).
const keys = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '"', '-', ' '), minLength: 1, maxLength: 4 })

const scalars: fc.Arbitrary<Sample> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }).map((good) => ({ schema: string, good, bad: 1 })),
  fc.tuple(fc.string({ unit: 'grapheme-ascii', maxLength: 6 }), fc.nat(2)).map(([good, room]) => ({
    schema: { type: 'string', minLength: Math.max(0, good.length - room), maxLength: good.length + room },
    good,
    bad: `${good}${'x'.repeat(room + 1)}`,
  })),
  fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(2000), fc.nat(2000)).map(([good, below, above]) => ({
    schema: { type: 'integer', minimum: good - below, maximum: good + above },
    good,
    bad: good + above + 1,
  })),
  fc.tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.nat(5000), fc.nat(5000)).map(([good, below, above]) => ({
    schema: { type: 'number', minimum: (good - below) / 1000, exclusiveMaximum: (good + above + 1) / 1000 },
    good: good / 1000,
    bad: (good - below - 1) / 1000,
  })),
  fc
    .uniqueArray(fc.oneof(keys, fc.integer({ min: 0, max: 99 })), { minLength: 2, maxLength: 6 })
    .map(([bad = 0, ...rest]) => ({
      schema: { enum: rest },
      good: rest[0] ?? 0,
      bad,
    })),
)

const samples = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalars,
    fc.tuple(tie('sample'), fc.integer({ min: 1, max: 3 })).map(([{ schema, good, bad }, count]) => ({
      schema: { type: 'array', items: schema, minItems: count, maxItems: count + 1 },
      good: Array<Json>(count).fill(good),
      bad: [...Array<Json>(count - 1).fill(good), bad],
    })),
    fc
      .tuple(
        fc.uniqueArray(keys, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(tie('sample'), fc.boolean(), fc.boolean()), { minLength: 4, maxLength: 4 }),
      )
      .map(([names, members]) => {
        const properties: Record<string, unknown> = {}
        const good: Record<string, Json> = {}
        const required: string[] = []
        for (const [index, name] of names.entries()) {
          const [sample, isRequired, present] = members[index] ?? [undefined, false, false]
          if (!sample) continue
          properties[name] = sample.schema
          if (isRequired) required.push(name)
          if (isRequired || present || index === 0) good[name] = sample.good
        }
        return {
          schema: object(properties, required),
          good,
          bad: { ...good, [names[0] ?? '']: members[0]?.[0].bad ?? null },
        }
      }),
    tie('sample').map(({ schema, good }) => ({ schema: { anyOf: [{ type: 'null' }, schema] }, good, bad: false })),
  ),
}))

test('random schemas take the values made for them, compact or pretty, and not those made against them', () => {
  fc.assert(
    fc.property(samples.sample, ({ schema, good, bad }) => {
      const grammar = grammarOfJsonSchema(schema)
      expect(matches(grammar, JSON.stringify(good))).toBe(true)
      expect(matches(grammar, JSON.stringify(good, null, 2))).toBe(true)
      expect(matches(grammar, JSON.stringify(bad))).toBe(false)
    }),
    { numRuns: 150 },
  )
})

/** A validator of its own for what the generator above makes. */
function meets(value: unknown, schema: Record<string, unknown>): boolean {
  const { anyOf, enum: values, type, items, properties, required } = schema
  if (Array.isArray(anyOf)) return anyOf.some((each) => meets(value, each))
  if (Array.isArray(values)) return values.includes(value)
  const within = (size: number, least: string, most: string) =>
    size >= Number(schema[least] ?? -Infinity) && size <= Number(schema[most] ?? Infinity)
  if (type === 'null') return value === null
  if (type === 'string') return typeof value === 'string' && within(Array.from(value).length, 'minLength', 'maxLength')
  if (type === 'integer') return Number.isInteger(value) && within(Number(value), 'minimum', 'maximum')
  if (type === 'number')
    return (
      typeof value === 'number' &&
      within(value, 'minimum', 'maximum') &&
      value < Number(schema['exclusiveMaximum'] ?? Infinity)
    )
  if (type === 'array')
    return (
      Array.isArray(value) &&
      within(value.length, 'minItems', 'maxItems') &&
      value.every((each) => meets(each, items as Record<string, unknown>))
    )
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const known = properties as Record<string, Record<string, unknown>>
  const met = Object.entries(value).every(([key, each]) => known[key] !== undefined && meets(each, known[key]))
  return met && (required as string[]).every((key) => Object.hasOwn(value, key))
}

test('whatever random tokens the grammar lets through, the text parses and meets the schema', () => {
  let ended = 0
  fc.assert(
    fc.property(
      samples.sample,
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      ({ schema }, stream) => {
        const text = wander(grammarOfJsonSchema(schema), () => stream.next().value ?? 0, 150)
        if (text === undefined) return
        ended++
        if (!meets(JSON.parse(text), schema)) throw new Error(`${text} does not meet the schema`)
      },
    ),
    { numRuns: 100 },
  )
  expect(ended).toBeGreaterThan(50)
})
