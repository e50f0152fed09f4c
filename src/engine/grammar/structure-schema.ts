import { choice, nothing, optional, sequence, text, type Expression, type Rules } from './expression.ts'
import { anyObject, anyValue, arrayOf, enclosed, keyOtherThan, listOf, space } from './json-rules.ts'
import { countsOf } from './scalar-schema.ts'
import { at, invalid, isSchema, own, show, Unmeetable, unsupported, type Part } from './schema-parts.ts'

type Place = { readonly schema: unknown; readonly path: string }

/** What meets all of the given schemas, as a rule. */
export type Compile = (schemas: readonly Place[], depth: number) => Expression

const mostProperties = 1000
const longestKey = 500

interface Property {
  readonly required: boolean
  readonly member: Expression
}

/**
 * An object with the named properties in the order of the schema, any of the optional ones left out:
 * `from-1 ::= first rest-1 | from-2` and `rest-1 ::= "," from-2 |`, so that n properties take 2n rules.
 */
export function objectExpression(
  rules: Rules,
  parts: readonly Part[],
  compile: Compile,
  depth: number,
  path: string,
): Expression {
  const named = keysOf(parts, path)
  const required = new Set(parts.flatMap((part) => requiredOf(part)))
  const additional = additionalOf(parts)
  for (const key of required) if (!named.includes(key)) named.push(key)
  const closed = parts.some(({ schema }) => own(schema, 'unevaluatedProperties') === false)
  const silent = parts.every(({ schema }) => !Object.hasOwn(schema, 'additionalProperties'))
  if (named.length === 0 && silent && !closed) {
    checkCounts(parts, [], true)
    return anyObject(rules)
  }
  const properties: Property[] = []
  for (const key of named) {
    const schemas = parts.flatMap((part) => schemasOf(part, key))
    const forbidden = schemas.find(({ schema }) => schema === false)
    if (forbidden && required.has(key))
      throw new Unmeetable(forbidden.path, `it forbids ${show(key)}, which is required`)
    if (forbidden) continue
    if (schemas.length === 0 && closed) throw new Unmeetable(path, `it requires ${show(key)} and leaves no room for it`)
    const from = schemas.length > 0 ? schemas : [{ schema: true, path: at(path, key) }]
    const value = compile(from, depth + 1)
    const member = sequence(text(JSON.stringify(key)), text(':'), space(rules), value)
    properties.push({ required: required.has(key), member: rules.share('member', member) })
  }
  checkCounts(parts, properties, additional !== undefined)
  const extra =
    additional && extraMember(rules, named, additional.length > 0 ? compile(additional, depth + 1) : anyValue(rules))
  return enclosed(rules, '{', membersOf(rules, properties, extra), '}')
}

function membersOf(rules: Rules, properties: readonly Property[], extra: Expression | undefined): Expression {
  const comma = sequence(text(','), space(rules))
  let from: Expression | undefined = extra && listOf(rules, extra, 1, undefined)
  let isRequired = false
  for (const { required, member } of properties.toReversed()) {
    const more = from && rules.share('more', sequence(comma, from))
    const rest = more ? (isRequired ? more : choice(more, space(rules))) : space(rules)
    const taken = sequence(member, rules.share('rest', rest))
    from = rules.share('from', required || !from ? taken : choice(taken, from))
    isRequired ||= required
  }
  if (!from) return nothing
  return isRequired ? from : optional(from)
}

function extraMember(rules: Rules, named: readonly string[], value: Expression): Expression {
  return rules.share('extra', sequence(keyOtherThan(rules, named), text(':'), space(rules), value))
}

function keysOf(parts: readonly Part[], path: string): string[] {
  const keys = new Set<string>()
  for (const part of parts) {
    const properties = own(part.schema, 'properties')
    if (properties === undefined) continue
    if (!isSchema(properties)) throw invalid(at(part.path, 'properties'), properties, 'an object of schemas')
    for (const key of Object.keys(properties)) keys.add(key)
  }
  if (keys.size > mostProperties) {
    throw unsupported(path, `has ${keys.size} properties, more than ${mostProperties}`, 'nest some of them')
  }
  const long = [...keys].find((key) => key.length > longestKey)
  if (long !== undefined) {
    throw unsupported(at(path, long), `has a name of more than ${longestKey} characters`, 'use a shorter name')
  }
  return [...keys]
}

function requiredOf({ schema, path }: Part): string[] {
  const required = own(schema, 'required')
  if (required === undefined) return []
  const isList = Array.isArray(required) && required.length <= mostProperties
  if (!isList || !required.every((key) => typeof key === 'string' && key.length <= longestKey)) {
    throw invalid(at(path, 'required'), required, `a list of at most ${mostProperties} property names`)
  }
  return required
}

/** What a part asks of the value of a key. */
function schemasOf({ schema, path }: Part, key: string): Place[] {
  const properties = own(schema, 'properties')
  if (isSchema(properties) && Object.hasOwn(properties, key)) {
    return [{ schema: properties[key], path: at(at(path, 'properties'), key) }]
  }
  const additional = own(schema, 'additionalProperties')
  return additional === undefined ? [] : [{ schema: additional, path: at(path, 'additionalProperties') }]
}

/** What other properties must meet, or undefined when there are none: without a word about them none are made. */
function additionalOf(parts: readonly Part[]): Place[] | undefined {
  const asked: Place[] = []
  for (const { schema, path } of parts) {
    const additional = own(schema, 'additionalProperties')
    if (additional !== undefined) asked.push({ schema: additional, path: at(path, 'additionalProperties') })
  }
  return asked.length === 0 || asked.some(({ schema }) => schema === false) ? undefined : asked
}

/** Counts of properties hold only where the named ones see to it. */
function checkCounts(parts: readonly Part[], properties: readonly Property[], open: boolean): void {
  const [min, max] = countsOf(parts, 'minProperties', 'maxProperties')
  const least = properties.filter(({ required }) => required).length
  for (const { schema, path } of parts) {
    for (const [keyword, kept] of [
      ['minProperties', min <= least],
      ['maxProperties', max === undefined || (!open && max >= properties.length)],
    ] as const) {
      if (!Object.hasOwn(schema, keyword) || kept) continue
      const reason = `= ${show(schema[keyword])} is not supported: a grammar cannot count optional properties`
      throw unsupported(at(path, keyword), reason, `leave ${keyword} out, or use required and additionalProperties`)
    }
  }
}

export function arrayExpression(
  rules: Rules,
  parts: readonly Part[],
  compile: Compile,
  depth: number,
  path: string,
): Expression {
  for (const part of parts) {
    if (own(part.schema, 'uniqueItems') !== true) continue
    const reason = '= true is not supported: a grammar cannot remember the items before'
    throw unsupported(
      at(part.path, 'uniqueItems'),
      reason,
      'leave uniqueItems out and check the answer for it yourself',
    )
  }
  const [min, max] = countsOf(parts, 'minItems', 'maxItems')
  const lists = parts.map((part) => itemsOf(part))
  const length = Math.max(0, ...lists.map(({ first }) => first.length))
  if (length > mostProperties) throw unsupported(path, `lists more than ${mostProperties} items`, 'use items')
  const placesAt = (index: number) => lists.flatMap(({ first, rest }) => first[index] ?? rest ?? [])
  const closed = lists.some(({ rest }) => rest?.schema === false) || (length > 0 && lists.every(({ rest }) => !rest))
  const rest = closed || max === 0 ? undefined : compile(orAny(placesAt(length), path), depth + 1)
  if (length === 0 && rest) return arrayOf(rules, rest, min, max)
  const first = Array.from({ length: Math.min(length, max ?? length) }, (_, index) =>
    compile(orAny(placesAt(index), path), depth + 1),
  )
  if (!rest && min > length) throw new Unmeetable(path, `it needs ${min} items and allows no more than ${length}`)
  return enclosed(rules, '[', tuple(rules, first, rest, min, max), ']')
}

function orAny(places: readonly Place[], path: string): readonly Place[] {
  return places.length > 0 ? places : [{ schema: true, path }]
}

/** Items of their own schemas first, any number of them from `min` on, then those of `rest`. */
function tuple(
  rules: Rules,
  first: readonly Expression[],
  rest: Expression | undefined,
  min: number,
  max: number | undefined,
): Expression {
  const comma = sequence(text(','), space(rules))
  const more = max === undefined ? undefined : max - first.length
  const least = Math.max(0, min - first.length)
  let tail: Expression | undefined = rest && more !== 0 ? listOf(rules, rest, Math.max(1, least), more) : undefined
  for (const [index, item] of [...first.entries()].toReversed()) {
    const next = tail && sequence(comma, tail)
    const after = next ? (min > index + 1 ? next : choice(next, space(rules))) : space(rules)
    tail = rules.share('items', sequence(item, after))
  }
  if (!tail) return nothing
  return min > 0 ? tail : optional(tail)
}

/** The schemas of the first items and of all after them, in the spelling of draft 2020-12 or of those before it. */
function itemsOf({ schema, path }: Part): { first: Place[]; rest: Place | undefined } {
  const items = own(schema, 'items')
  const old = Array.isArray(items)
  const prefix = old ? items : own(schema, 'prefixItems')
  const restKeyword = old ? 'additionalItems' : 'items'
  const rest = own(schema, restKeyword)
  const here = at(path, old ? 'items' : 'prefixItems')
  if (prefix !== undefined && !Array.isArray(prefix)) throw invalid(here, prefix, 'a list of schemas')
  const first = (prefix ?? []).map((each: unknown, index) => ({ schema: each, path: at(here, index) }))
  return { first, rest: rest === undefined ? undefined : { schema: rest, path: at(path, restKeyword) } }
}
