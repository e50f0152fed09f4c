import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { z } from 'zod'
import { InferloomError } from '../canonical/errors.ts'
import { configSchema, type Config } from './schema.ts'
import { storeAddress, withSecrets } from './secrets.ts'
import { settings } from './settings.ts'

export interface LoadedConfig {
  readonly config: Config
  /** Where data is kept. */
  readonly home: string
  /** The file that was read, if any. */
  readonly file: string | undefined
  /** Where providers find the keys that no file names. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface ConfigSources {
  /** Settings by the path of their flag: `{ 'server.port': '5000' }`. */
  readonly flags?: Readonly<Record<string, string>>
  readonly env?: NodeJS.ProcessEnv
  /** A configuration file that must exist; otherwise `./inferloom.yaml` or the one in the home folder, if there. */
  readonly file?: string
  /** Settings as a file would hold them. They stand alone: no file is looked for, and no environment overrides them. */
  readonly config?: z.input<typeof configSchema>
}

/**
 * Flags override the environment, the environment overrides the file.
 * Throws `config_invalid` naming the setting, where its value came from, and what it may be.
 */
export async function loadConfig({
  flags = {},
  env = process.env,
  file,
  config,
}: ConfigSources = {}): Promise<LoadedConfig> {
  const home = resolve(env['INFERLOOM_HOME'] || join(homedir(), '.inferloom'))
  const path = config === undefined ? fileOf(file, home) : undefined
  const input: Record<string, unknown> = path === undefined ? structuredClone({ ...config }) : await readFile(path)
  const origins = new Map<string, string>()
  for (const { path: setting, env: name, read } of settings()) {
    const key = setting.join('.')
    const fromEnv = name === undefined || config !== undefined ? undefined : env[name]
    if (flags[key] !== undefined) {
      put(input, setting, read(flags[key]))
      origins.set(key, `--${key.split('.').at(-1)}`)
    } else if (fromEnv !== undefined && fromEnv !== '') {
      put(input, setting, read(fromEnv))
      origins.set(key, name ?? '')
    }
  }
  const parsed = configSchema.safeParse(input)
  if (!parsed.success) throw invalid(parsed.error.issues[0], origins, path)
  const providers = withSecrets(parsed.data.providers, env, path)
  const { redis, ...cache } = parsed.data.cache
  const kept =
    redis === undefined ? cache : { ...cache, redis: storeAddress(redis, { setting: 'cache.redis', env, file: path }) }
  return { config: { ...withAbsoluteFiles(parsed.data, path), providers, cache: kept }, home, file: path, env }
}

function fileOf(given: string | undefined, home: string): string | undefined {
  if (given !== undefined) {
    if (existsSync(given)) return resolve(given)
    throw new InferloomError('config_invalid', `There is no configuration file ${given}.`)
  }
  return [resolve('inferloom.yaml'), join(home, 'inferloom.yaml')].find((path) => existsSync(path))
}

async function readFile(path: string): Promise<Record<string, unknown>> {
  const text = textOf(path)
  // Loaded only when there is a file: most of a small server's memory is the code of its libraries.
  const { parse } = await import('yaml')
  let value: unknown
  try {
    // At any lower level it also prints warnings, with the line of the file that each is about.
    value = parse(text, { logLevel: 'error' }) ?? {}
  } catch (error) {
    throw new InferloomError('config_invalid', `${path} is not YAML: ${yamlComplaint(error)}.`)
  }
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InferloomError('config_invalid', `${path} must hold settings by name, such as "server:".`)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('config_invalid', `${path} cannot be read: ${reason}.`, { cause })
  }
}

/** What is wrong and where. The parser's own message quotes the file, where keys may stand: none of it is repeated. */
function yamlComplaint(error: unknown): string {
  const { code = 'UNRESOLVED_ALIAS', linePos } = error as { code?: string; linePos?: { line: number; col: number }[] }
  const at = linePos?.[0] ? ` at line ${linePos[0].line}, column ${linePos[0].col}` : ''
  return code.toLowerCase().replaceAll('_', ' ') + at
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let place = target
  for (const name of path.slice(0, -1)) {
    const next = place[name]
    if (next === undefined || next === null) place[name] = {}
    // Anything else is wrong, and the schema says so.
    else if (typeof next !== 'object' || Array.isArray(next)) return
    place = place[name] as Record<string, unknown>
  }
  place[path.at(-1) ?? ''] = value
}

function invalid(
  given: z.core.$ZodIssue | undefined,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
): InferloomError {
  const issue = given && innermost(given)
  const key = issue?.path.join('.') ?? ''
  const from = origins.get(issue?.path.slice(0, 2).join('.') ?? '') ?? file ?? 'the configuration'
  const name = key === '' ? '' : `${key}: `
  // The message names the kind of value expected; values themselves may be secret and stay out of it.
  return new InferloomError(
    'config_invalid',
    `${from}: ${name}${issue?.message ?? 'invalid'}. Remedy: see config.schema.json.`,
  )
}

/** Of the alternatives that a value may be, the complaint of the last: the one that says what is inside. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  const inner = issue.code === 'invalid_union' ? issue.errors.at(-1)?.[0] : undefined
  return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue
}

function withAbsoluteFiles(config: Config, file: string | undefined): Config {
  const base = file === undefined ? process.cwd() : dirname(file)
  const models = Object.fromEntries(
    Object.entries(config.models).map(([name, model]) => {
      const lora = model.lora.map((adapter) => ({ ...adapter, file: resolve(base, adapter.file) }))
      return [name, { ...model, file: resolve(base, model.file), lora }]
    }),
  )
  const store = { folders: config.store.folders.map((folder) => resolve(base, folder)) }
  return { ...config, models, store }
}
