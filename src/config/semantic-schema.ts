import { z } from 'zod'

/** Of a route: answers that are given again to the same question in other words. */
export const semanticSchema = z.strictObject({
  mode: z.enum(['shadow', 'serve']).default('shadow').meta({
    description: 'shadow asks the model each time and measures how often the kept answer would have been right.',
  }),
  model: z.string().min(1).max(300).default('loom-embed').meta({ description: 'Makes vectors of questions.' }),
  errorRate: z.number().min(0.001).max(0.5).default(0.02).meta({
    description:
      'Of the answers that are given again, the share that may be wrong. None is given before that is shown.',
  }),
  checkShare: z.number().min(0).max(1).default(0.05).meta({
    description:
      'Of the answers that could be given again, the share that is asked for all the same, to see whether they are right.',
  }),
  answersAlike: z.number().min(0).max(1).default(0.9).meta({
    description: 'How near the vectors of two answers have to be for the answers to count as the same.',
  }),
  maxEntries: z.int().min(1).max(100_000).default(5000).meta({ description: 'Questions that are remembered.' }),
  labels: z.string().min(1).max(4000).optional().meta({
    description:
      'A file with a pair of questions in each line: {"a": "…", "b": "…", "same": true}. Where to begin from.',
  }),
})
