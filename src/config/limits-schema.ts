import { z } from 'zod'
import { keyLimits } from '../gateway/limits/key-limits.ts'

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** What keys and models may take. */
export const limitsSchema = z
  .strictObject({
    timeZone: z
      .string()
      .max(100)
      .refine(isTimeZone, 'must be a time zone such as UTC or Europe/Berlin')
      .default('UTC')
      .meta({ description: 'Where days, weeks and months begin for limits and budgets.' }),
    keys: keyLimits
      .prefault({})
      .meta({ description: 'Of every key, in whatever it has no limit of its own; also of requests without a key.' }),
    models: z
      .record(z.string().min(1).max(300), keyLimits)
      .default({})
      .meta({ description: 'Of all requests for a model or a route together, by its name or by provider/name.' }),
    queue: z.int().min(0).max(10_000).default(256).meta({
      description: 'Requests of one key that wait while as many run as its concurrency allows; one more is refused.',
    }),
    maxWaitSeconds: z.number().min(0).max(3600).default(60).meta({
      description:
        'A request that waits longer for its turn is refused. One with a deadline waits no longer than that.',
    }),
    openOutputTokens: z.int().min(0).max(10_000_000).default(1024).meta({
      description: 'Output tokens that are set aside for a request that leaves the length of its answer open.',
    }),
    unpriced: z.enum(['refuse', 'allow']).default('refuse').meta({
      description: 'What becomes of a request under a budget whose price nobody knows; allowed, it counts as nothing.',
    }),
    webhook: z
      .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
      .optional()
      .meta({
        description: 'Is sent a POST once a period when a budget reaches its soft limit, and when it is used up.',
      }),
  })
  .prefault({})
