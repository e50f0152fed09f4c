import type { IncomingHttpHeaders } from 'node:http'
import { InferloomError } from '../canonical/errors.ts'
import type { CacheWish } from '../gateway/cache/answer-cache.ts'

const wishes = ['off', 'on', 'only', 'refresh'] as const

/** The words of `cache-control` that say the same: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1 */
const directives: readonly (readonly [RegExp, CacheWish])[] = [
  [/(^|,)\s*no-store\s*(,|$)/i, 'off'],
  [/(^|,)\s*only-if-cached\s*(,|$)/i, 'only'],
  [/(^|,)\s*no-cache\s*(,|$)/i, 'refresh'],
]

/** What a request says of caches; undefined where it says nothing. */
export function askedCache(headers: IncomingHttpHeaders): CacheWish | undefined {
  const own = headers['x-inferloom-cache']
  if (own !== undefined) {
    const cacheWish = wishes.find((each) => each === own)
    if (cacheWish) return cacheWish
    const message = `x-inferloom-cache = ${String(own).slice(0, 40)} is not valid: it is one of ${wishes.join(', ')}.`
    throw new InferloomError('invalid_value', message, { param: 'x-inferloom-cache' })
  }
  const control = headers['cache-control']
  if (control === undefined) return undefined
  return directives.find(([directive]) => directive.test(control))?.[1]
}
