import type { UpstreamTimeouts } from './remote-provider.ts'

/** A model that thinks may be silent for minutes before its first token, but not between two of them. */
const usual: UpstreamTimeouts = { connect: 10, firstByte: 600, idle: 120, total: 3600 }

export function timeoutsOf(given: Partial<UpstreamTimeouts> = {}): UpstreamTimeouts {
  return { ...usual, ...given }
}
