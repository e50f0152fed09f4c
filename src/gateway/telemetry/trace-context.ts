import { randomBytes } from 'node:crypto'

/** Where a request stands in a trace. */
export interface TraceContext {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string
  /** Of the span that this request becomes. */
  readonly spanId: string
  /** Of the span in which the client asked. */
  readonly parentId?: string
  /** Of the span in which a provider is asked. */
  readonly attemptId: string
  /** Whether its spans are exported. */
  readonly isSampled: boolean
}

const form = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-|$)/

/**
 * Goes on with the trace that a client began, in whose sampling it decides, or begins one.
 * https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceContext(traceparent: string | undefined, share: number): TraceContext {
  const [, traceId, parentId, flags] = form.exec(traceparent ?? '') ?? []
  const random = randomBytes(32).toString('hex')
  const own = { spanId: random.slice(32, 48), attemptId: random.slice(48, 64) }
  if (traceId === undefined || parentId === undefined) {
    return { traceId: random.slice(0, 32), ...own, isSampled: Math.random() < share }
  }
  return { traceId, parentId, ...own, isSampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 }
}

/** For whoever is asked next. */
export function traceparentOf({ traceId, attemptId, isSampled }: TraceContext): string {
  return `00-${traceId}-${attemptId}-${isSampled ? '01' : '00'}`
}
