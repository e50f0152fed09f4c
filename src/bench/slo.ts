import { InferloomError } from '../canonical/errors.ts'
import { parseDuration } from './durations.ts'
import type { Latencies } from './latencies.ts'

/** Milliseconds that a request may take at most, by what is limited. */
export type Slo = Partial<Record<keyof Latencies, number>>

const names = ['ttft', 'tpot', 'latency'] as const

/** Reads `ttft:500ms,tpot:50ms`. Throws `invalid_value` with what there is. */
export function parseSlo(text: string): Slo {
  const slo: Slo = {}
  for (const part of text.split(',')) {
    const [name = '', limit = ''] = part.trim().split(':')
    const known = names.find((each) => each === (name === 'e2e' ? 'latency' : name))
    if (known === undefined) {
      const message = `--slo = '${text.slice(0, 80)}': there is no '${name.slice(0, 20)}'. It is such as ttft:500ms,tpot:50ms,latency:5s.`
      throw new InferloomError('invalid_value', message, { param: '--slo' })
    }
    slo[known] = parseDuration(limit, '--slo')
  }
  return slo
}

/** A request with one token has no time per further token: it meets that target. */
export function meets(latencies: Latencies, slo: Slo): boolean {
  return names.every((name) => (latencies[name] ?? 0) <= (slo[name] ?? Infinity))
}
