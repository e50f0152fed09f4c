import { accessSync, constants } from 'node:fs'
import { dirname, extname } from 'node:path'
import { parseDuration } from '../bench/durations.ts'
import { parseLengths } from '../bench/lengths.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { PlanOptions } from '../bench/plan.ts'
import { csvOf } from '../bench/report/csv.ts'
import { htmlOf } from '../bench/report/html.ts'
import { markdownOf } from '../bench/report/markdown.ts'
import type { BenchResult } from '../bench/result.ts'
import { parseSlo, type Slo } from '../bench/slo.ts'
import type { Price } from '../bench/summarize.ts'

/** As the command line gives them. */
export interface BenchFlags {
  readonly model?: string
  readonly dialect: string
  readonly keyEnv?: string
  readonly header: readonly string[]
  readonly body?: string
  readonly stream: boolean
  readonly allowCache?: boolean
  readonly concurrency?: string
  readonly rate?: string
  readonly arrivals: string
  readonly burstSize: string
  readonly replay?: string
  readonly speed: string
  readonly data?: string
  readonly promptTokens?: string
  readonly outputTokens?: string
  readonly lengths?: string
  readonly sharedPrefix: string
  readonly time?: string
  readonly requests?: string
  readonly warmup?: string
  readonly cooldown: string
  readonly timeout: string
  readonly drain: string
  readonly maxInFlight: string
  readonly slo?: string
  readonly price: readonly string[]
  readonly seed?: string
  readonly out: readonly string[]
  readonly json?: boolean
}

const patterns = ['poisson', 'fixed', 'burst'] as const
const most = { concurrency: 10_000, rate: 100_000, tokens: 1_000_000, requests: 2_000_000, inFlight: 50_000 }

/** Reads the flags that say what is sent. Throws `invalid_value` naming the flag, its value and what it may be. */
export function planOptionsOf(flags: BenchFlags): Omit<PlanOptions, 'data' | 'replay'> {
  const pattern = patterns.find((each) => each === flags.arrivals)
  if (!pattern) throw invalid('--arrivals', flags.arrivals, `one of ${patterns.join(', ')}`)
  const whole = { isWhole: true, least: 1 }
  return {
    pattern,
    concurrency: optional(flags.concurrency, (text) =>
      numbers('--concurrency', text, { ...whole, most: most.concurrency }),
    ),
    rates: optional(flags.rate, (text) => numbers('--rate', text, { least: 0.001, most: most.rate })),
    burstSize: oneNumber('--burst-size', flags.burstSize, { ...whole, most: most.concurrency }),
    speed: oneNumber('--speed', flags.speed, { least: 0.001, most: 1000 }),
    prompt: optional(flags.promptTokens, (text) => parseLengths(text, '--prompt-tokens')),
    output: optional(flags.outputTokens, (text) => parseLengths(text, '--output-tokens')),
    lengths: optional(flags.lengths, (text) => numbers('--lengths', text, { ...whole, most: most.tokens })),
    sharedPrefix: oneNumber('--shared-prefix', flags.sharedPrefix, { least: 0, most: 1 }),
    durationMs: optional(flags.time, (text) => parseDuration(text, '--time')),
    requests: optional(flags.requests, (text) => oneNumber('--requests', text, { ...whole, most: most.requests })),
    warmupMs: optional(flags.warmup, (text) => parseDuration(text, '--warmup')),
    cooldownMs: parseDuration(flags.cooldown, '--cooldown'),
    drainMs: parseDuration(flags.drain, '--drain'),
    mostInFlight: oneNumber('--max-in-flight', flags.maxInFlight, { ...whole, most: most.inFlight }),
  }
}

export function seedOf({ seed }: BenchFlags): number {
  // A server that has seen the same prompts before may have kept them: without a seed, each run has its own.
  return seed === undefined
    ? Math.floor(Math.random() * 2 ** 31)
    : oneNumber('--seed', seed, { isWhole: true, least: 0, most: 2 ** 31 })
}

export function keyOf({ keyEnv }: BenchFlags, env: NodeJS.ProcessEnv): string | undefined {
  if (keyEnv === undefined) return undefined
  const key = env[keyEnv]
  if (key) return key
  throw new InferloomError(
    'invalid_value',
    `--key-env: the environment has no ${keyEnv.slice(0, 100)}, or it is empty.`,
    {
      param: '--key-env',
    },
  )
}

/** A kept answer would be measured instead of a model: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.5 */
const noStore = { 'cache-control': 'no-store' }

export function headersOf({ header, allowCache = false }: BenchFlags): Record<string, string> {
  const given = Object.fromEntries(
    header.map((line): [string, string] => {
      const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+):\s*(\P{Cc}*)$/u.exec(line) ?? []
      if (name !== '') return [name.toLowerCase(), value]
      throw new InferloomError('invalid_value', "--header must be of the form 'name: value', on one line.", {
        param: '--header',
      })
    }),
  )
  return allowCache ? given : { ...noStore, ...given }
}

/** Reads `--slo`. Throws `invalid_value` where it asks for what whole answers do not show. */
export function sloOf({ slo: text, stream }: BenchFlags): Slo {
  const slo = text === undefined ? {} : parseSlo(text)
  if (stream || (slo.ttft === undefined && slo.tpot === undefined)) return slo
  const message = `--slo ${text?.slice(0, 80)}: with --no-stream there is no time to the first token. Remedy: use latency, or leave --no-stream out.`
  throw new InferloomError('invalid_value', message, { param: '--slo' })
}

export function fieldsOf({ body }: BenchFlags): Record<string, unknown> {
  if (body === undefined) return {}
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // The same as of JSON that is no object.
  }
  throw invalid('--body', body, `a JSON object, such as '{"temperature":0}'`)
}

/** `gpt-4.1-mini=0.4/1.6`: dollars for a million tokens in and out. */
export function pricesOf({ price }: BenchFlags): Map<string, Price> {
  return new Map(
    price.map((text) => {
      const [, model = '', input, output] = /^(.+)=(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)$/.exec(text) ?? []
      if (model === '')
        throw invalid('--price', text, 'such as gpt-4.1-mini=0.4/1.6: dollars for a million tokens in and out')
      return [model, { input: Number(input), output: Number(output) }]
    }),
  )
}

const formats: Readonly<Record<string, (result: BenchResult) => string>> = {
  '.json': (result) => `${JSON.stringify(result)}\n`,
  '.csv': csvOf,
  '.md': markdownOf,
  '.html': htmlOf,
}

/** Files to write, checked before the run: an hour's numbers should not be lost to a folder that is not there. */
export function outputsOf({ out }: BenchFlags): readonly { file: string; textOf: (result: BenchResult) => string }[] {
  return out.map((file) => {
    const textOf = formats[extname(file).toLowerCase()]
    if (!textOf) throw invalid('-o', file, `a file whose name ends with one of ${Object.keys(formats).join(', ')}`)
    try {
      accessSync(dirname(file), constants.W_OK)
    } catch {
      throw invalid('-o', file, 'in a folder that is there and can be written to')
    }
    return { file, textOf }
  })
}

/** As it was typed, but for what may be secret. */
export function commandText(words: readonly string[]): string {
  const shown = words.map((word, index) => {
    if (['--header', '-H', '--body'].includes(words[index - 1] ?? '')) return '…'
    if (/^--(?:header|body)=/.test(word)) return `${word.split('=')[0]}=…`
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  })
  return ['inferloom', ...shown].join(' ')
}

interface Bounds {
  readonly least: number
  readonly most: number
  readonly isWhole?: boolean
}

function numbers(option: string, text: string, bounds: Bounds): number[] {
  const all = text.split(',')
  if (all.length <= 50) return all.map((each) => oneNumber(option, each, bounds))
  throw invalid(option, text, 'a list of 50 numbers at most')
}

function oneNumber(option: string, text: string, { least, most, isWhole = false }: Bounds): number {
  const value = /^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
  if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value
  throw invalid(option, text, `a ${isWhole ? 'whole ' : ''}number from ${least} to ${most.toLocaleString('en')}`)
}

function optional<Value>(text: string | undefined, read: (text: string) => Value): Value | undefined {
  return text === undefined ? undefined : read(text)
}

function invalid(option: string, value: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${option} must be ${what}, not '${value.slice(0, 80)}'.`, {
    param: option,
  })
}
