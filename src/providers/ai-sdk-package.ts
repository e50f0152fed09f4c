import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InferloomError } from '../canonical/errors.ts'
import { isRecord } from './wire/fields.ts'

export interface AiSdkPackage {
  /** Of the provider, for messages. */
  readonly name: string
  /** Such as `@ai-sdk/cohere`. */
  readonly packageName: string
  /** The export that makes a provider; absent means the one whose name begins with `create`. */
  readonly create?: string
  /** A folder in which it is installed; absent means beside inferloom, or where inferloom was started. */
  readonly from?: string
}

type Create = (options: object) => unknown

/** Throws `config_invalid` where it is not a name, which could be a path to anything. */
export function packageNameOf(name: string, given: unknown): string {
  if (typeof given === 'string' && /^(?:@[a-z\d][\w.-]{0,100}\/)?[a-z\d][\w.-]{0,100}$/.test(given)) return given
  const what = given === undefined ? 'is missing' : 'is not the name of a package'
  const message = `providers.${name}.package ${what}. Remedy: set it to one of the AI SDK, such as @ai-sdk/cohere.`
  throw new InferloomError('config_invalid', message)
}

/** Loads an installed package. Throws `config_invalid` that says how to install it where it is not. */
export async function loadAiSdk({ name, packageName, create, from }: AiSdkPackage): Promise<Create> {
  const loaded = await load(name, packageName, from)
  const makers = Object.keys(loaded).filter((each) => /^create[A-Z]/.test(each))
  const wanted = create ?? (makers.length === 1 ? makers[0] : undefined)
  const found = wanted === undefined ? undefined : loaded[wanted]
  if (typeof found === 'function') return found as Create
  const which = makers.length === 0 ? 'it exports none' : `one of ${makers.join(', ')}`
  const message = `providers.${name}.create: which function of ${packageName} makes a provider? Remedy: set it to ${which}.`
  throw new InferloomError('config_invalid', message)
}

async function load(name: string, packageName: string, from: string | undefined) {
  const places = from === undefined ? [undefined, process.cwd()] : [resolve(from)]
  for (const place of places) {
    const specifier = place === undefined ? packageName : fileIn(place, packageName)
    if (specifier === undefined) continue
    try {
      const loaded: unknown = await import(specifier)
      if (isRecord(loaded)) return loaded
    } catch (cause) {
      if (isMissing(cause, packageName)) continue
      const message = `providers.${name}.package: ${packageName} is installed and does not load. Remedy: install it again.`
      throw new InferloomError('config_invalid', message, { cause })
    }
  }
  const where = from === undefined ? '' : ` in ${from}`
  const message = `providers.${name}.package: ${packageName} is not installed. Remedy: npm install ${packageName}${where}.`
  throw new InferloomError('config_invalid', message)
}

function fileIn(folder: string, packageName: string): string | undefined {
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(packageName)).href
  } catch {
    return undefined
  }
}

/** Something else that is missing is the package's own trouble. */
function isMissing(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return false
  return error.message.includes(`'${packageName}'`)
}
