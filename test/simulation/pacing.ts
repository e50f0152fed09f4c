import { InferloomError } from '../../src/canonical/errors.ts'
import type { ServiceTier } from '../../src/canonical/request.ts'
import { ProviderPacer } from '../../src/gateway/queue/provider-pacer.ts'
import type { Candidate } from '../../src/gateway/routing/plan.ts'
import { VirtualTime } from './virtual-time.ts'

const minuteMs = 60_000
const limits = { requestsPerMinute: 60, tokensPerMinute: 100_000 }

export interface PacingOptions {
  /** How the provider counts: by full minutes, or as buckets that refill little by little. */
  readonly counts: 'by the minute' | 'refilling'
  /** Where we know its limits from. */
  readonly known: 'configured' | 'told' | 'unknown'
  /** Tokens of a request. */
  readonly tokens: (random: number) => number
  readonly random: () => number
}

export interface PacingResult {
  /** 429s of the provider, and those that came after it had told its limits once. */
  readonly refused: number
  readonly reachedClients: number
  /** Of what the provider allows, what was used: of the limit that is reached first. */
  readonly usedShare: number
  /** Requests that went while one of a higher tier waited that was not older than half the longest wait. */
  readonly outOfOrder: number
  readonly asked: number
  readonly answered: number
  readonly ended: number
}

/** As a server without settings has it. */
const maxWaitSeconds = 90

/** A provider of 60 requests and 100,000 tokens a minute, asked for ten times as much for ten minutes. */
export async function pacing({ counts, known, tokens, random }: PacingOptions): Promise<PacingResult> {
  const time = new VirtualTime()
  const provider = counts === 'refilling' ? refilling(time) : byTheMinute(time)
  const pacer = new ProviderPacer({
    settings: { queue: 1000, maxWaitSeconds, spillSeconds: 0.5, learn: true },
    timekeeper: time,
    limitsOf: () => (known === 'configured' ? limits : {}),
    keysOf: () => 1,
  })
  const candidate: Candidate = { id: 'p/m', served: { provider: { name: 'p' } as never, model: 'm' } }
  const waiting = new Set<{ readonly rank: number; readonly since: number }>()
  const result = { refused: 0, reachedClients: 0, outOfOrder: 0, asked: 0, answered: 0, ended: 0, tokens: 0 }
  const { signal } = new AbortController()
  const client = async (tier: ServiceTier) => {
    result.asked++
    const size = tokens(random())
    const me = { rank: ['priority', 'default', 'flex'].indexOf(tier), since: time.now() }
    const ask = { candidate, promptTokens: size / 2, outputTokens: size / 2, tier, deadlineAt: undefined }
    for (let attempt = 1; ; attempt++) {
      waiting.add(me)
      let pass
      try {
        pass = await pacer.enter({ ...ask, expectedMs: undefined, canMoveOn: false, signal })
      } catch (error) {
        if ((error as InferloomError).kind.status === 429) result.reachedClients++
        break
      } finally {
        waiting.delete(me)
      }
      const isOld = ({ since }: { readonly since: number }) => time.now() - since > (maxWaitSeconds * 1000) / 2
      if (!isOld(me) && [...waiting].some((each) => each.rank < me.rank)) result.outOfOrder++
      if (provider.take(size)) {
        if (known === 'told') pacer.observe(candidate, provider.headers())
        await time.sleep(500 + 1000 * random())
        const usage = {
          inputTokens: { total: size / 2, cacheRead: 0 },
          outputTokens: { total: size / 2, reasoning: 0 },
        }
        pass.settle({ usage })
        result.answered++
        result.tokens += size
        break
      }
      result.refused++
      const fault = { provider: 'p', status: 429 }
      pass.settle({ error: new InferloomError('rate_limited', 'Too many', { retryAfterSeconds: 2, fault }) })
      if (attempt === 3) {
        result.reachedClients++
        break
      }
    }
    result.ended++
  }
  const minutes = 10
  const tiers: readonly ServiceTier[] = ['priority', 'default', 'default', 'default', 'flex']
  for (let sent = 0; sent < minutes * 600; sent++) {
    time.after((sent * minuteMs) / 600, () => void client(tiers[sent % tiers.length] ?? 'default'))
  }
  await time.run()
  // Who came last still waits as long as it may.
  const lastedMinutes = minutes + maxWaitSeconds / 60
  const share = Math.max(
    result.answered / (limits.requestsPerMinute * lastedMinutes),
    result.tokens / (limits.tokensPerMinute * lastedMinutes),
  )
  const { tokens: _, ...rest } = result
  return { ...rest, usedShare: share }
}

function byTheMinute(time: VirtualTime) {
  let minute = -1
  let requests = 0
  let taken = 0
  const look = () => {
    if (Math.floor(time.now() / minuteMs) === minute) return
    minute = Math.floor(time.now() / minuteMs)
    requests = 0
    taken = 0
  }
  return {
    take(tokens: number): boolean {
      look()
      if (requests + 1 > limits.requestsPerMinute || taken + tokens > limits.tokensPerMinute) return false
      requests++
      taken += tokens
      return true
    },
    headers: () =>
      told(limits.requestsPerMinute - requests, limits.tokensPerMinute - taken, minuteMs - (time.now() % minuteMs)),
  }
}

function refilling(time: VirtualTime) {
  let at = 0
  let requests = limits.requestsPerMinute
  let tokensLeft = limits.tokensPerMinute
  return {
    take(tokens: number): boolean {
      const share = (time.now() - at) / minuteMs
      at = time.now()
      requests = Math.min(limits.requestsPerMinute, requests + share * limits.requestsPerMinute)
      tokensLeft = Math.min(limits.tokensPerMinute, tokensLeft + share * limits.tokensPerMinute)
      if (requests < 1 || tokensLeft < tokens) return false
      requests--
      tokensLeft -= tokens
      return true
    },
    headers: () => told(Math.floor(requests), Math.floor(tokensLeft), 1000),
  }
}

function told(requests: number, tokens: number, resetMs: number): Record<string, string> {
  const reset = `${Math.ceil(resetMs)}ms`
  return {
    'x-ratelimit-limit-requests': String(limits.requestsPerMinute),
    'x-ratelimit-remaining-requests': String(requests),
    'x-ratelimit-reset-requests': reset,
    'x-ratelimit-limit-tokens': String(limits.tokensPerMinute),
    'x-ratelimit-remaining-tokens': String(tokens),
    'x-ratelimit-reset-tokens': reset,
  }
}
