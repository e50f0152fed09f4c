// https://ai.google.dev/api/caching#Schema
import { InferloomError } from '../../canonical/errors.ts'
import type { JsonSchema } from '../../canonical/request.ts'
import { isRecord } from '../parse-body.ts'
import { camelName } from './camel-case.ts'

/** As deep as objects that are passed on may nest. */
const deepest = 50

/** Numbers that Google's own clients write as texts, as all 64-bit numbers in its JSON. */
const counts = new Set(['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'])

/** What means the same in a JSON schema, and what says nothing about values there. */
const kept = new Set(['title', 'description', 'default', 'enum', 'required', 'pattern', 'minimum', 'maximum'])

/** Formats of numbers that OpenAPI adds; JSON schemas know none of them. */
const numberFormats = new Set(['int32', 'int64', 'float', 'double', 'enum'])

/** Google's subset of OpenAPI's schemas as a JSON schema. Throws `invalid_value` for what is neither. */
export function jsonSchemaOf(schema: unknown, at: string, depth = 0): JsonSchema {
  if (!isRecord(schema)) throw invalid(at, 'must be a schema')
  if (depth > deepest) throw invalid(at, `nests deeper than ${deepest} levels`)
  const within = (value: unknown, name: string) => jsonSchemaOf(value, `${at}.${name}`, depth + 1)
  const result: Record<string, unknown> = {}
  let nullable = false
  for (const [given, value] of Object.entries(schema)) {
    const name = camelName(given)
    if (value === null) continue
    if (name === 'type') {
      if (value !== 'TYPE_UNSPECIFIED') result['type'] = typeOf(value, `${at}.${given}`)
    } else if (name === 'nullable') nullable = value === true
    else if (name === 'properties' && isRecord(value)) {
      result[name] = Object.fromEntries(
        Object.entries(value).map(([property, each]) => [property, within(each, `${given}.${property}`)]),
      )
    } else if (name === 'items') result[name] = within(value, given)
    else if (name === 'anyOf' && Array.isArray(value)) {
      result[name] = value.map((each: unknown, index) => within(each, `${given}[${index}]`))
    } else if (counts.has(name) && Number.isFinite(Number(value))) result[name] = Number(value)
    else if (name === 'format' && typeof value === 'string') {
      if (!numberFormats.has(value)) result[name] = value
    } else if (kept.has(name)) result[name] = value
    else if (name === 'propertyOrdering' && Array.isArray(value)) result[name] = value
    else if (name === 'example') result['examples'] = [value]
    else if (name === 'additionalProperties') result[name] = isRecord(value) ? within(value, given) : value
    else throw invalid(`${at}.${given}`.slice(0, 200), 'is not a part of a schema')
  }
  return nullable ? withNull(ordered(result)) : ordered(result)
}

function typeOf(value: unknown, at: string): string {
  const type = typeof value === 'string' ? value.toLowerCase() : ''
  if (/^(string|number|integer|boolean|array|object|null)$/.test(type)) return type
  throw invalid(at, 'must be one of STRING, NUMBER, INTEGER, BOOLEAN, ARRAY, OBJECT, NULL')
}

/** JSON schemas say the order of properties by the order in which they are written. */
function ordered({ propertyOrdering, ...schema }: Record<string, unknown>): Record<string, unknown> {
  const { properties } = schema
  if (!Array.isArray(propertyOrdering) || !isRecord(properties)) return schema
  const first = propertyOrdering.filter((name): name is string => typeof name === 'string' && name in properties)
  const names = new Set([...first, ...Object.keys(properties)])
  return { ...schema, properties: Object.fromEntries([...names].map((name) => [name, properties[name]])) }
}

function withNull({ type, ...schema }: Record<string, unknown>): Record<string, unknown> {
  const values = schema['enum']
  if (Array.isArray(values)) return { ...schema, enum: [...(values as unknown[]), null] }
  if (typeof type === 'string') return { ...schema, type: [type, 'null'] }
  return { anyOf: [schema, { type: 'null' }] }
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
