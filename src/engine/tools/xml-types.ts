import type { JsonSchema } from '../../canonical/request.ts'

/** What a parameter may hold, as JSON calls it; integers are numbers. */
export type ValueType = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array'

export type Schema = Readonly<Record<string, unknown>>

const deepest = 20

/** The parameters of a tool by name; none where its schema names none. */
export function parametersOf(schema: JsonSchema | undefined): ReadonlyMap<string, unknown> {
  const properties = isSchema(schema) ? own(schema, 'properties') : undefined
  return new Map(isSchema(properties) ? Object.entries(properties) : [])
}

/** The types that a schema leaves; a string where it says nothing, since most of what models write is text. */
export function typesOf(schema: unknown, root: JsonSchema | undefined): ReadonlySet<ValueType> {
  const types = new Set(typesIn(schema, root, 0))
  return types.size > 0 ? types : new Set(['string'])
}

function typesIn(given: unknown, root: JsonSchema | undefined, depth: number): ValueType[] {
  if (!isSchema(given) || depth > deepest) return []
  const schema = resolved(given, root)
  if (!schema) return []
  const nullable = own(schema, 'nullable') === true ? (['null'] as const) : []
  const listed = own(schema, 'enum') ?? (Object.hasOwn(schema, 'const') ? [own(schema, 'const')] : undefined)
  if (Array.isArray(listed)) return [...listed.map((value) => typeOf(value)), ...nullable]
  const type = own(schema, 'type')
  if (type !== undefined) return [...[type].flat().flatMap((name) => valueTypes.get(name) ?? []), ...nullable]
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    const branches = own(schema, keyword)
    if (!Array.isArray(branches)) continue
    return [...branches.flatMap((branch) => typesIn(branch, root, depth + 1)), ...nullable]
  }
  if (Object.hasOwn(schema, 'properties')) return ['object', ...nullable]
  if (Object.hasOwn(schema, 'items')) return ['array', ...nullable]
  return [...nullable]
}

const valueTypes = new Map<unknown, ValueType>([
  ['string', 'string'],
  ['number', 'number'],
  ['integer', 'number'],
  ['boolean', 'boolean'],
  ['null', 'null'],
  ['object', 'object'],
  ['array', 'array'],
])

/** The type of a JSON value. */
export function typeOf(value: unknown): ValueType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return valueTypes.get(typeof value) ?? 'object'
}

/** What `#/$defs/…` refers to; undefined for references that lead nowhere, or in a circle. */
function resolved(schema: Schema, root: JsonSchema | undefined): Schema | undefined {
  let current: unknown = schema
  for (let step = 0; step < deepest; step++) {
    if (!isSchema(current)) return undefined
    const reference = own(current, '$ref')
    if (typeof reference !== 'string') return current
    const names = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference)
    const definitions: unknown = names && isSchema(root) ? own(root, names[1] ?? '') : undefined
    current = isSchema(definitions) ? own(definitions, names?.[2] ?? '') : undefined
  }
  return undefined
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function own(schema: Schema, key: string): unknown {
  return Object.hasOwn(schema, key) ? schema[key] : undefined
}
