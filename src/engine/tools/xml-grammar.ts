import { checkGrammar } from '../grammar/check.ts'
import { Rules, type Expression } from '../grammar/expression.ts'
import { grammarOfJsonSchema } from '../grammar/json-schema.ts'
import { countsOf } from '../grammar/scalar-schema.ts'
import { at, show, unsupported } from '../grammar/schema-parts.ts'
import { stringFormats } from '../grammar/string-formats.ts'
import { literal, prefixed, untilMarker } from './gbnf.ts'
import { isSchema, own, parametersOf, typesOf, type Schema } from './xml-types.ts'

const close = '</parameter>'
const mostParameters = 1000

/**
 * The grammar of a call's parameters as XML: the named ones, in the order of the schema, those that are not required
 * left out or not. Throws `unsupported_parameter` for what raw text cannot be held to.
 */
export function parametersGrammar(schema: unknown, path: string): string {
  const root = isSchema(schema) ? schema : {}
  const combined = ['anyOf', 'oneOf', 'allOf', '$ref'].find((keyword) => Object.hasOwn(root, keyword))
  if (combined !== undefined) {
    const reason = 'is not supported by the way in which this model writes its calls'
    throw unsupported(at(path, combined), reason, 'name the parameters in properties')
  }
  const properties = new Map(parametersOf(root))
  const required = new Set([own(root, 'required') ?? []].flat().filter((key) => typeof key === 'string'))
  for (const key of required) if (!properties.has(key)) properties.set(key, true)
  const closed = own(root, 'additionalProperties') === false
  if (properties.size === 0) return closed ? 'root ::= ""\n' : anyParameters()
  if (properties.size > mostParameters) {
    throw unsupported(at(path, 'properties'), `names more than ${mostParameters} parameters`, 'use fewer')
  }
  const names: string[] = []
  const rules: string[] = []
  for (const [index, [key, property]] of [...properties].entries()) {
    const place = at(at(path, 'properties'), key)
    if (/[>\n]/.test(key)) throw unsupported(place, 'has a name that holds > or a line break', 'rename it')
    const name = `parameter-${index}`
    names.push(required.has(key) ? name : `${name}?`)
    rules.push(...parameterRules(name, key, valueOf(property, root, place)))
  }
  const grammar = [`root ::= ${names.join(' ')}`, ...rules, ''].join('\n')
  checkGrammar(grammar, path)
  return grammar
}

function anyParameters(): string {
  const named = `${literal('<parameter=')} [a-zA-Z0-9_.-]+ ${literal('>\n')}`
  return [`root ::= (${named} any-0)*`, ...untilMarker('any', close, literal('\n')), ''].join('\n')
}

/** A grammar whose root is the value, or undefined for any text. */
function parameterRules(name: string, key: string, value: string | undefined): string[] {
  const begin = literal(`<parameter=${key}>\n`)
  if (value !== undefined) {
    return [`${name} ::= ${begin} ${name}-root ${literal(`\n${close}\n`)}`, prefixed(value, `${name}-`)]
  }
  return [`${name} ::= ${begin} ${name}-text-0`, ...untilMarker(`${name}-text`, close, literal('\n'))]
}

function valueOf(property: unknown, root: Schema, path: string): string | undefined {
  const types = typesOf(property, root)
  const schema = isSchema(property) ? property : {}
  const listed = own(schema, 'enum') ?? (Object.hasOwn(schema, 'const') ? [own(schema, 'const')] : undefined)
  if (types.has('string') && Array.isArray(listed) && listed.length > 0) {
    const texts = listed.map((value) => literal(typeof value === 'string' ? value : JSON.stringify(value)))
    return `root ::= ${texts.join(' | ')}\n`
  }
  if (types.has('string')) return types.size === 1 ? textOf(schema, path) : undefined
  // Definitions stand at the top of the tool's schema, where references look for them.
  const shared = ['$defs', 'definitions'].filter((keyword) => Object.hasOwn(root, keyword))
  const definitions = Object.fromEntries(shared.map((keyword) => [keyword, own(root, keyword)]))
  return grammarOfJsonSchema({ ...schema, ...definitions }, path)
}

function textOf(schema: Schema, path: string): string | undefined {
  const pattern = own(schema, 'pattern')
  if (pattern !== undefined) {
    const reason = `= ${show(pattern)} is not supported by the way in which this model writes its calls`
    throw unsupported(at(path, 'pattern'), reason, 'leave it out, or use enum or format')
  }
  const rules = new Rules()
  const format = own(schema, 'format')
  const make = typeof format === 'string' && Object.hasOwn(stringFormats, format) ? stringFormats[format] : undefined
  if (make) return rules.render(make())
  if (format !== undefined) {
    throw unsupported(at(path, 'format'), `= ${show(format)} is not supported`, 'leave it out')
  }
  const [min, max] = countsOf([{ schema, path }], 'minLength', 'maxLength')
  if (min === 0 && max === undefined) return undefined
  return rules.render(rules.repeat(withoutTags, min, max))
}

/** Text of a given length that cannot be taken for the end of it. */
const withoutTags: Expression = {
  kind: 'class',
  ranges: [
    [0x09, 0x0a],
    [0x20, 0x3b],
    [0x3d, 0x7e],
    [0x80, 0xd7ff],
    [0xe000, 0xfffd],
    [0x1_00_00, 0x10_ff_ff],
  ],
}
