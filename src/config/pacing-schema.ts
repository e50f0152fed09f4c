import { z } from 'zod'

const count = z.number().positive().max(1e12).optional()

/** What a provider allows each of its keys. */
export const providerLimits = z.strictObject({
  requestsPerMinute: count,
  tokensPerMinute: count.meta({ description: 'Input and output together.' }),
  inputTokensPerMinute: count,
  outputTokensPerMinute: count,
  requestsPerDay: count,
  concurrency: z.int().min(1).max(1_000_000).optional().meta({ description: 'Requests at once.' }),
})

export const pacingSchema = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: 'Hold requests back so that a provider need not refuse them.',
      env: 'INFERLOOM_PACING',
    }),
    learn: z.boolean().default(true).meta({
      description: 'Learn limits that are not configured from what answers say, and from refusals.',
    }),
    queue: z.int().min(0).max(100_000).default(1000).meta({ description: 'Requests that may wait for one model.' }),
    maxWaitSeconds: z.number().min(0).max(86_400).default(90).meta({
      description: 'That a request waits; one with a deadline waits no longer than that.',
    }),
    spillSeconds: z.number().min(0).max(86_400).default(0.5).meta({
      description: 'The same where its route has another candidate to ask.',
    }),
  })
  .prefault({})
