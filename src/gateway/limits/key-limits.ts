import { z } from 'zod'

/** The windows that something may be limited in, shortest first. */
export const windows = ['second', 'minute', 'hour', 'day', 'week', 'month'] as const
export type Window = (typeof windows)[number]

const count = z.int().min(1).max(1_000_000_000_000)
const dollars = z.number().min(0).max(1_000_000_000)
const window = z.enum(windows)

const budget = z
  .strictObject({
    usd: dollars.meta({ description: 'US dollars, beyond which requests are refused until the window ends.' }),
    window: window.default('month').meta({ description: 'In calendar time: a month begins on its first day.' }),
    soft: dollars.optional().meta({ description: 'US dollars, from which on answers carry a warning.' }),
  })
  .refine(({ usd, soft }) => soft === undefined || soft <= usd, {
    path: ['soft'],
    message: 'must not be above usd, where requests are refused',
  })

const rate = z.strictObject({ limit: count, window })

/** What a key, a team or a model may take; whatever is absent is not limited. */
export const keyLimits = z.strictObject({
  rpm: count.optional().meta({ description: 'Requests in any minute.' }),
  tpm: count.optional().meta({ description: 'Input and output tokens in any minute.' }),
  requests: z.array(rate).max(12).optional().meta({ description: 'Requests in other windows.' }),
  tokens: z.array(rate).max(12).optional().meta({ description: 'Input and output tokens in other windows.' }),
  concurrency: count.optional().meta({ description: 'Requests at once; more of them wait for their turn.' }),
  budgets: z.array(budget).max(12).optional().meta({ description: 'Money.' }),
})

export type KeyLimits = z.infer<typeof keyLimits>
