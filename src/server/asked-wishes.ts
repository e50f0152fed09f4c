import type { IncomingHttpHeaders } from 'node:http'
import { InferloomError } from '../canonical/errors.ts'
import { objectives } from '../config/routes-schema.ts'
import type { Wishes } from '../gateway/routing/plan.ts'

type Body = Readonly<Record<string, unknown>>

/** By the name of the header without `x-inferloom-`; the same with `inferloom_` before it in a body's `metadata`. */
const wishes = {
  objective: { field: 'objective', read: readObjective, form: `one of ${objectives.join(', ')}` },
  ttft: { field: 'ttftMs', read: readNumber(1, 86_400_000), form: 'a number of milliseconds' },
  latency: { field: 'latencyMs', read: readNumber(1, 86_400_000), form: 'a number of milliseconds' },
  'max-cost': { field: 'maxCost', read: readNumber(0, 1_000_000), form: 'a number of US dollars' },
  'min-quality': { field: 'minQuality', read: readNumber(0, 1), form: 'a number from 0 to 1' },
  region: { field: 'region', read: readName, form: 'a name of 1 to 100 characters' },
} as const

const names = Object.keys(wishes) as (keyof typeof wishes)[]
const headers = names.map((name) => [name, `x-inferloom-${name}`] as const)

/** What a request asks of the route it names. Throws `invalid_value` with the header or field at fault. */
export function askedWishes(given: IncomingHttpHeaders, body: Body): Wishes | undefined {
  let found: Record<string, unknown> | undefined
  for (const [name, header] of headers) {
    const value = given[header]
    if (value !== undefined) (found ??= {})[wishes[name].field] = wish(name, String(value), header)
  }
  const { metadata } = body
  if (typeof metadata === 'object' && metadata !== null) {
    for (const name of names) {
      const key = `inferloom_${name.replaceAll('-', '_')}`
      const value = (metadata as Body)[key]
      const { field } = wishes[name]
      if (value !== undefined && found?.[field] === undefined) {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        ;(found ??= {})[field] = wish(name, text, `metadata.${key}`)
      }
    }
  }
  return found
}

function wish(name: keyof typeof wishes, text: string, param: string): unknown {
  const { read, form } = wishes[name]
  const value = read(text)
  if (value !== undefined) return value
  throw new InferloomError('invalid_value', `${param} = ${text.slice(0, 40)} is not valid: it is ${form}.`, { param })
}

function readObjective(text: string): string | undefined {
  return objectives.find((each) => each === text)
}

function readName(text: string): string | undefined {
  return text.length > 0 && text.length <= 100 ? text : undefined
}

function readNumber(least: number, most: number): (text: string) => number | undefined {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text)
    return value >= least && value <= most ? value : undefined
  }
}
