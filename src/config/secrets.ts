import { InferloomError } from '../canonical/errors.ts'
import type { Config } from './schema.ts'

type Providers = Config['providers']

/** Puts environment variables where `${NAME}` stands for them. Throws `config_invalid` naming one that is not set. */
export function withSecrets(
  providers: Providers,
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): Providers {
  const expanded = (text: string, setting: string) => withVariables(text, { setting, env, file })
  return Object.fromEntries(
    Object.entries(providers).map(([name, settings]) => {
      if (settings === false) return [name, settings]
      const { key, keys, headers, options } = settings
      const at = `providers.${name}`
      return [
        name,
        {
          ...settings,
          ...(key !== undefined && { key: expanded(key, `${at}.key`) }),
          ...(keys && { keys: keys.map((each, index) => expanded(each, `${at}.keys.${index}`)) }),
          ...(options && {
            options: Object.fromEntries(
              Object.entries(options).map(([option, value]) => [
                option,
                typeof value === 'string' ? expanded(value, `${at}.options.${option}`) : value,
              ]),
            ),
          }),
          ...(headers && {
            headers: Object.fromEntries(
              Object.entries(headers).map(([header, value]) => [header, expanded(value, `${at}.headers.${header}`)]),
            ),
          }),
        },
      ]
    }),
  )
}

interface SettingOfVariables {
  readonly setting: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file: string | undefined
  /** How a value is written where it stands beside other text. */
  readonly written?: (value: string) => string
}

function withVariables(text: string, { setting, env, file, written = (value) => value }: SettingOfVariables): string {
  return text.replaceAll(/\$\{(\w{1,200})\}/g, (all, name: string) => {
    const value = env[name]
    const isText = value !== undefined && value !== '' && !/[\0-\x1f\x7f]/.test(value) // oxlint-disable-line no-control-regex
    if (isText) return all === text ? value : written(value)
    const what = value ? 'holds a line break or another control character' : 'is not set'
    const remedy = setting.startsWith('providers.') ? 'take the provider out' : `take ${setting} out`
    throw new InferloomError(
      'config_invalid',
      `${file ?? 'the configuration'}: ${setting}: the environment variable ${name} ${what}. Remedy: set it, or ${remedy}.`,
    )
  })
}

/** The address of a store with its environment variables in place, such as a password. Throws `config_invalid` without repeating it. */
export function storeAddress(text: string, { setting, env, file }: Omit<SettingOfVariables, 'written'>): string {
  // A password may have characters that mean something in an address.
  const address = withVariables(text, { setting, env, file, written: encodeURIComponent })
  if (isStoreAddress(address)) return address
  throw new InferloomError(
    'config_invalid',
    `${file ?? 'the configuration'}: ${setting}: must be an address such as redis://host:6379/0 or rediss://user:\${PASSWORD}@host; ` +
      'what stands before @ is to be percent-encoded where it has other than letters and digits.',
  )
}

function isStoreAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password, search, hash } = new URL(text)
  try {
    decodeURIComponent(username + password)
  } catch {
    return false
  }
  const isStore = protocol === 'redis:' || protocol === 'rediss:'
  return isStore && hostname !== '' && /^(\/\d{0,5})?$/.test(pathname) && search === '' && hash === ''
}
