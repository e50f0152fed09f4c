import { z } from 'zod'
import { configSchema } from './schema.ts'

/** A setting that environment or flags can give, found by walking the schema. */
export interface Setting {
  /** `['server', 'port']` */
  readonly path: readonly string[]
  readonly env: string | undefined
  /** As the command line declares it: `--port <number>`. */
  readonly flag: string | undefined
  readonly description: string
  /** Reads the text of an environment variable or flag; what it cannot read it returns as it came. */
  readonly read: (text: string) => unknown
}

/** Every single-valued setting of the schema. */
export function settings(): Setting[] {
  return walk(configSchema, [])
}

function walk(schema: z.core.$ZodType, path: readonly string[]): Setting[] {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodObject) {
    return Object.entries(bare.shape).flatMap(([name, child]) => walk(child as z.core.$ZodType, [...path, name]))
  }
  const meta = z.globalRegistry.get(schema) as { env?: string; flag?: string; description?: string } | undefined
  return [{ path, env: meta?.env, flag: meta?.flag, description: meta?.description ?? '', read: readerOf(bare) }]
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let bare = schema
  while (bare instanceof z.ZodDefault || bare instanceof z.ZodPrefault || bare instanceof z.ZodOptional) {
    bare = bare.def.innerType
  }
  return bare
}

function readerOf(schema: z.core.$ZodType): (text: string) => unknown {
  if (schema instanceof z.ZodNumber)
    return (text) => (text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text))
  if (schema instanceof z.ZodBoolean)
    return (text) => ({ true: true, '1': true, false: false, '0': false })[text] ?? text
  if (schema instanceof z.ZodArray)
    return (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean)
  return (text) => text
}
