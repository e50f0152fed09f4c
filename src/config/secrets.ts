import { InferloomError } from '../canonical/errors.ts'
import type { Config } from './schema.ts'

type Providers = Config['providers']

/** Puts environment variables where `${NAME}` stands for them. Throws `config_invalid` naming one that is not set. */
export function withSecrets(
  providers: Providers,
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): Providers {
  const expanded = (text: string, setting: string) =>
    text.replaceAll(/\$\{(\w{1,200})\}/g, (_, name: string) => {
      const value = env[name]
      if (value !== undefined && value !== '' && !/[\0-\x1f\x7f]/.test(value)) return value // oxlint-disable-line no-control-regex
      const what = value ? 'holds a line break or another control character' : 'is not set'
      throw new InferloomError(
        'config_invalid',
        `${file ?? 'the configuration'}: ${setting}: the environment variable ${name} ${what}. ` +
          'Remedy: set it, or take the provider out.',
      )
    })
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
