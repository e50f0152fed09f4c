import { InferloomError } from '../../src/canonical/errors.ts'
import type { Config } from '../../src/config/schema.ts'
import { configSchema } from '../../src/config/schema.ts'
import { Attempts, type AttemptsParts } from '../../src/gateway/routing/attempts.ts'
import { DeploymentHealth } from '../../src/gateway/routing/deployment-health.ts'
import { Hedging } from '../../src/gateway/routing/hedging.ts'
import type { Planned } from '../../src/gateway/routing/plan.ts'
import { Retries } from '../../src/gateway/routing/retries.ts'
import type { VirtualTime } from './virtual-time.ts'

const tokens = { input: 200, output: 20 }
const usage = {
  inputTokens: { total: tokens.input, cacheRead: 0 },
  outputTokens: { total: tokens.output, reasoning: 0 },
}

/** How a made-up provider answers at a time: milliseconds to its first and to its last token, or an error after a while. */
export type Behaviour = (now: number) => { readonly ttftMs: number; readonly totalMs: number; readonly fails?: boolean }

export interface Answered {
  readonly ok: boolean
  readonly latencyMs: number
  readonly candidate: string
  readonly attempts: number
}

export interface SimulatedParts {
  readonly attempts: Attempts
  readonly health: DeploymentHealth
  readonly hedging: Hedging
}

/** What a server without settings does when providers fail, in virtual time. */
export function simulatedParts(
  time: VirtualTime,
  random: () => number,
  { began, learn }: Pick<AttemptsParts, 'began' | 'learn'>,
  reliability: Config['reliability'] = configSchema.parse({}).reliability,
): SimulatedParts {
  const { breaker, hedgeShare: share, ...settings } = reliability
  const health = new DeploymentHealth({ settings: breaker, timekeeper: time, random })
  const retries = new Retries({ settings, timekeeper: time, random, health })
  const hedging = new Hedging({ share })
  return { health, hedging, attempts: new Attempts({ timekeeper: time, health, retries, hedging, began, learn }) }
}

/** Sends one request to providers that behave as they are told, and waits for its end. */
export async function answered(
  time: VirtualTime,
  { attempts }: SimulatedParts,
  plan: Parameters<Attempts['run']>[0]['plan'],
  behaviours: ReadonlyMap<string, Behaviour>,
  deadlineAt?: number,
): Promise<Answered> {
  const since = time.now()
  let lost = 0
  const { signal } = new AbortController()
  const begin = async ({ id }: Planned, signal: AbortSignal) => {
    const behaviour = behaviours.get(id)?.(time.now())
    if (!behaviour) throw new InferloomError('internal_error', `Nobody plays ${id}.`)
    await sleep(time, behaviour.ttftMs, signal)
    if (behaviour.fails) {
      throw new InferloomError('provider_failed', 'Failed', { fault: { provider: id, status: 500 } })
    }
    return behaviour
  }
  const asked = { plan, promptTokens: tokens.input, outputTokens: tokens.output, tier: 'default', signal } as const
  try {
    const won = await attempts.run({ ...asked, deadlineAt, account: { lost: () => void lost++ } }, begin, () => {})
    await sleep(time, won.begun.totalMs - won.begun.ttftMs, signal)
    won.end({ usage, ttftMs: won.begun.ttftMs })
    return { ok: true, latencyMs: time.now() - since, candidate: won.candidate.id, attempts: lost + 1 }
  } catch {
    return { ok: false, latencyMs: time.now() - since, candidate: '', attempts: lost }
  }
}

function sleep(time: VirtualTime, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = time.after(milliseconds, resolve)
    signal.addEventListener('abort', () => {
      cancel()
      reject(signal.reason as Error)
    })
  })
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
}

/** Times of an answer that vary as those of real ones do: log-normal, a tenth of them more than 1.4 times the median. */
export function around(medianMs: number, random: () => number, spread = 0.25): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return medianMs * Math.exp(spread * normal)
}
