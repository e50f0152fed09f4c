import { InferloomError } from '../../canonical/errors.ts'

export type Schema = Readonly<Record<string, unknown>>

/** A schema and where it stands in the request. */
export interface Part {
  readonly schema: Schema
  readonly path: string
}

/** Alternatives of which a value must meet one. */
export interface Union {
  readonly branches: readonly unknown[]
  readonly path: string
}

/** All that a value must meet: `allOf` and `$ref` taken apart, so that the same conjunction is known again. */
export interface Conjunction {
  readonly parts: readonly Part[]
  readonly unions: readonly Union[]
}

/** Thrown where no value meets a schema; an alternative that throws it is left out. */
export class Unmeetable extends Error {
  readonly path: string
  constructor(path: string, reason: string) {
    super(reason)
    this.path = path
  }
}

export function unsupported(path: string, reason: string, remedy: string): InferloomError {
  return new InferloomError('unsupported_parameter', `${path} ${reason}. Remedy: ${remedy}.`, { param: path })
}

export function invalid(path: string, value: unknown, expected: string): InferloomError {
  return new InferloomError('invalid_value', `${path} = ${show(value)} is not valid: expected ${expected}.`, {
    param: path,
  })
}

export function show(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined'
  return json.length > 80 ? `${json.slice(0, 80)}…` : json
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function own(schema: Schema, key: string): unknown {
  return Object.hasOwn(schema, key) ? schema[key] : undefined
}

/** `.properties.name`, or `.properties["a name"]` for a key that would read as something else. */
export function at(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return /^[\w$-]{1,60}$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key.slice(0, 60))}]`
}

/** Says nothing about which values are valid. */
const annotations = new Set([
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  'discriminator',
  'externalDocs',
  'xml',
  'propertyOrdering',
  'definitions',
])

/** Those that take effect here, as far as `json-schema.ts` and `$ref`, `allOf`, `anyOf`, `oneOf` below go. */
const constraints = new Set(
  [
    'type nullable enum const',
    'properties required additionalProperties unevaluatedProperties minProperties maxProperties',
    'items prefixItems additionalItems unevaluatedItems minItems maxItems uniqueItems',
    'minLength maxLength pattern format',
    'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf',
  ].flatMap((keywords) => keywords.split(' ')),
)
const applicators = new Set(['$ref', 'allOf', 'anyOf', 'oneOf'])

function isAnnotation(keyword: string): boolean {
  return annotations.has(keyword) || keyword.startsWith('x-') || (keyword.startsWith('$') && keyword !== '$ref')
}

/** Steps that one schema may take to compile; hostile ones grow without end. */
const mostSteps = 50_000

/** Takes schemas apart. Bounded: `mostSteps` over its whole life. */
export class SchemaReader {
  readonly #root: unknown
  readonly #rootPath: string
  #steps = 0

  constructor(root: unknown, rootPath: string) {
    this.#root = root
    this.#rootPath = rootPath
  }

  step(path: string): void {
    if (++this.#steps <= mostSteps) return
    throw unsupported(path, `makes the schema too large: it takes more than ${mostSteps} steps`, 'simplify the schema')
  }

  /** Everything that `schemas` require together. */
  conjunction(schemas: readonly { readonly schema: unknown; readonly path: string }[]): Conjunction {
    const parts = new Map<Schema, Part>()
    const unions = new Map<unknown, Union>()
    const seen = new Set<Schema>()
    let repeated: { readonly path: string } | undefined
    const waiting = schemas.toReversed()
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { schema, path } = next
      this.step(path)
      if (schema === true) continue
      if (schema === false) throw new Unmeetable(path, 'nothing meets `false`')
      if (!isSchema(schema)) throw invalid(path, schema, 'a schema: an object, true or false')
      if (seen.has(schema)) repeated = next
      if (seen.has(schema)) continue
      seen.add(schema)
      this.#checkKeywords(schema, path)
      const reference = own(schema, '$ref')
      if (reference !== undefined) waiting.push(this.#resolve(reference, at(path, '$ref')))
      waiting.push(...listed(schema, path, 'allOf').toReversed())
      for (const keyword of ['anyOf', 'oneOf']) {
        const branches = own(schema, keyword)
        if (listed(schema, path, keyword).length === 0 || !Array.isArray(branches)) continue
        const union: Union = { branches, path: at(path, keyword) }
        if (keyword === 'oneOf') this.#checkExclusive(union)
        unions.set(branches, union)
      }
      if (Object.keys(schema).some((keyword) => constraints.has(keyword))) parts.set(schema, { schema, path })
    }
    if (repeated && parts.size === 0 && unions.size === 0)
      throw new Unmeetable(repeated.path, 'it refers only to itself')
    return { parts: [...parts.values()], unions: [...unions.values()] }
  }

  #checkKeywords(schema: Schema, path: string): void {
    for (const keyword of Object.keys(schema)) {
      if (constraints.has(keyword) || applicators.has(keyword) || isAnnotation(keyword)) continue
      const reason = `= ${show(schema[keyword])} is not supported by the local engine's structured output`
      throw unsupported(at(path, keyword), reason, `leave ${keyword} out and check the answer for it yourself`)
    }
    const items = own(schema, 'unevaluatedItems')
    const properties = own(schema, 'unevaluatedProperties')
    if ((items !== undefined && items !== true) || (properties !== undefined && typeof properties !== 'boolean')) {
      throw unsupported(path, 'has unevaluatedItems or unevaluatedProperties', 'use items and additionalProperties')
    }
    if (Object.hasOwn(schema, '$dynamicRef') || Object.hasOwn(schema, '$recursiveRef')) {
      throw unsupported(path, 'has a dynamic reference, which is not supported', 'use $ref')
    }
  }

  /** Local references only: a JSON pointer after `#` (RFC 6901, in its URI fragment form). */
  #resolve(reference: unknown, path: string): { schema: unknown; path: string } {
    if (typeof reference !== 'string') throw invalid(path, reference, 'a string such as "#/$defs/name"')
    const remedy = 'refer to a part of this schema with a JSON pointer, such as "#/$defs/name"'
    if (reference !== '#' && !reference.startsWith('#/')) {
      throw unsupported(path, `= ${show(reference)} is not supported: it leaves this schema`, remedy)
    }
    let found = this.#root
    let foundPath = this.#rootPath
    for (const token of pointerTokens(reference)) {
      const inside = typeof found === 'object' && found !== null && Object.hasOwn(found, token)
      if (!inside)
        throw invalid(path, reference, `a reference to something that is there: ${foundPath} has no ${show(token)}`)
      foundPath = at(foundPath, Array.isArray(found) ? Number(token) : token)
      found = (found as Record<string, unknown>)[token]
    }
    return { schema: found, path: foundPath }
  }

  /** `oneOf` is read as `anyOf`, which is the same thing only where no value meets two alternatives. */
  #checkExclusive(union: Union): void {
    const branches = union.branches.map((schema, index) => ({ schema, path: at(union.path, index) }))
    for (const [index, branch] of branches.entries()) {
      for (const other of branches.slice(index + 1)) {
        if (this.#exclude(branch, other, 0)) continue
        const reason = `cannot be told from ${other.path}: a value may meet both, which oneOf forbids`
        throw unsupported(
          branch.path,
          reason,
          'use anyOf, or give each alternative a required property with a const of its own',
        )
      }
    }
  }

  /** Whether it is certain that no value meets both. */
  #exclude(a: { schema: unknown; path: string }, b: { schema: unknown; path: string }, depth: number): boolean {
    if (depth > 8) return false
    this.step(a.path)
    const left = this.#surface(a)
    const right = this.#surface(b)
    if (!left || !right) return false
    const leftTypes = typesOf(left)
    const rightTypes = typesOf(right)
    if (leftTypes && rightTypes && !leftTypes.some((type) => rightTypes.includes(type))) return true
    const leftValues = valuesOf(left)
    const rightValues = valuesOf(right)
    if (leftValues && rightValues && !leftValues.some((value) => rightValues.includes(value))) return true
    if (leftTypes?.join() !== 'object' || rightTypes?.join() !== 'object') return false
    return requiredKeys(left).some((key) => {
      if (!requiredKeys(right).includes(key)) return false
      const [one, two] = [left, right]
        .map((schema) => own(schema, 'properties'))
        .map((each) => (isSchema(each) ? own(each, key) : undefined))
      if (one === undefined || two === undefined) return false
      return this.#exclude({ schema: one, path: a.path }, { schema: two, path: b.path }, depth + 1)
    })
  }

  /** A branch with its `$ref` followed; what the other keywords say can only narrow it. */
  #surface({ schema, path }: { schema: unknown; path: string }): Schema | undefined {
    let found = schema
    for (let hops = 0; hops < 10 && isSchema(found); hops++) {
      const reference = own(found, '$ref')
      if (reference === undefined) return found
      found = this.#resolve(reference, at(path, '$ref')).schema
    }
    return undefined
  }
}

function listed(schema: Schema, path: string, keyword: string): { schema: unknown; path: string }[] {
  const list = own(schema, keyword)
  if (list === undefined) return []
  const here = at(path, keyword)
  if (!Array.isArray(list)) throw invalid(here, list, 'a list of schemas')
  if (list.length === 0) throw new Unmeetable(here, 'an empty list has no schema to meet')
  return list.map((each: unknown, index) => ({ schema: each, path: at(here, index) }))
}

function pointerTokens(reference: string): string[] {
  if (reference === '#') return []
  return reference
    .slice(2)
    .split('/')
    .map((token) => decoded(token).replaceAll('~1', '/').replaceAll('~0', '~'))
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token)
  } catch {
    return token
  }
}

function typesOf(schema: Schema): string[] | undefined {
  const type = own(schema, 'type')
  const list: unknown[] | undefined = type === undefined ? undefined : Array.isArray(type) ? type : [type]
  if (!list || own(schema, 'nullable') === true) return undefined
  return list.map((each) => (each === 'integer' ? 'number' : String(each)))
}

function valuesOf(schema: Schema): string[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [canonical(schema['const'])]
  const values = own(schema, 'enum')
  return Array.isArray(values) ? values.map((value) => canonical(value)) : undefined
}

function requiredKeys(schema: Schema): string[] {
  const required = own(schema, 'required')
  return Array.isArray(required) ? required.filter((key) => typeof key === 'string') : []
}

/** JSON with keys in order, so that equal values read the same. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isSchema(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}
