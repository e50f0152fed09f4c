import { z } from 'zod'

/** Answers that are given again. */
export const cacheSchema = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: 'Keep answers, and give them again to the same request: x-inferloom-cache says so.',
      env: 'INFERLOOM_CACHE',
    }),
    sampled: z.boolean().default(false).meta({
      description:
        'Keep those of requests too that leave the answer to chance: neither temperature 0 nor a seed. Default: only where a request asks for it.',
    }),
    scope: z.enum(['key', 'team', 'all']).default('key').meta({
      description: 'Who is given the answer of whom: the same key, the same team, or everybody.',
    }),
    ttlSeconds: z.number().positive().max(31_536_000).default(3600).meta({ description: 'That an answer is kept.' }),
    memoryMB: z.number().min(0).max(1_000_000).default(64).meta({
      description: 'Megabytes of answers in memory; those that were not given for longest make room.',
    }),
    maxAnswerMB: z.number().positive().max(1000).default(2).meta({ description: 'Larger answers are not kept.' }),
    redis: z.string().min(1).max(2000).optional().meta({
      description:
        'A Valkey or Redis whose answers several processes share: redis://host:6379/0, or rediss:// with TLS. ${NAME} stands for an environment variable, such as the password in redis://:${NAME}@host.',
      env: 'INFERLOOM_CACHE_REDIS',
    }),
    diskMB: z.number().min(0).max(10_000_000).default(0).meta({
      description: 'Megabytes of answers in the home folder, which outlive a restart. Default: none.',
      env: 'INFERLOOM_CACHE_DISK_MB',
    }),
  })
  .refine(({ redis, diskMB }) => redis === undefined || diskMB === 0, {
    path: ['redis'],
    message: 'answers are kept in one place beside memory: set either redis or diskMB',
  })
  .prefault({})
