import { InferloomError } from '../../canonical/errors.ts'
import { isRecord } from '../parse-body.ts'

/** What is the client's own, or has rules of its own: names in it are not ours to change. */
const opaque = new Set([
  'args',
  'response',
  'parameters',
  'parametersJsonSchema',
  'responseSchema',
  'responseJsonSchema',
  'partMetadata',
  'labels',
])

/** Nothing on this wire nests deeper but what is opaque. */
const deepest = 20

/**
 * Google takes every field as `maxOutputTokens` and as `max_output_tokens`: https://protobuf.dev/programming-guides/json/
 * Fields that are null count as left out there.
 */
export function camelCased(value: unknown, at = ''): unknown {
  if (at.split('.').length > deepest) throw invalid(at, 'nests too deep')
  if (Array.isArray(value)) return value.map((each: unknown, index) => camelCased(each, `${at}[${index}].`))
  if (!isRecord(value)) return value
  // Not an object: a name such as __proto__ would be no field of it.
  const given = new Map<string, unknown>()
  for (const [name, each] of Object.entries(value)) {
    if (each === null) continue
    const camel = camelName(name)
    const path = at === '' ? name : `${at.replace(/\.$/, '')}.${name}`
    if (given.has(camel)) throw invalid(path, 'is there twice, in two spellings')
    given.set(camel, opaque.has(camel) ? each : camelCased(each, path))
  }
  return Object.fromEntries(given)
}

export function camelName(name: string): string {
  return name.replaceAll(/(?<=[a-z\d])_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function invalid(param: string, what: string): InferloomError {
  const shown = param.slice(0, 100)
  return new InferloomError('invalid_value', `${shown} ${what}.`, { param: shown })
}
