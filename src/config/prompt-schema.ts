import { z } from 'zod'

const tokens = z.int().min(1).max(100_000_000)

const own = {
  overflow: z.enum(['refuse', 'drop-oldest', 'middle-out', 'summarise']).optional().meta({
    description:
      'What becomes of a prompt that is too long for its model. Default: refuse, which leaves the refusal to the provider.',
  }),
  rounds: z.boolean().optional().meta({
    description: 'Whether older calls of tools in the last turn may be dropped with their results. Default: false.',
  }),
  maxTokens: tokens.optional().meta({
    description: 'Most tokens of a prompt. Default: what the context of its model leaves beside the answer.',
  }),
  answerTokens: tokens.optional().meta({
    description: 'Kept free for the answer of a request that leaves its length open. Default: 1024.',
  }),
  count: z.enum(['estimate', 'ask']).optional().meta({
    description: 'Whether a provider that can count is asked where an estimate is too close to tell. Default: ask.',
  }),
  summarise: z
    .strictObject({
      model: z.string().min(1).max(300).meta({ description: 'The model or route that writes summaries.' }),
      outputTokens: tokens.default(512).meta({ description: 'Most tokens of a summary.' }),
      inputTokens: tokens.default(32_000).meta({
        description: 'Most tokens of what it is given to summarise; of more the oldest is left out.',
      }),
      timeoutSeconds: z.number().positive().max(3600).default(30),
      onFailure: z.enum(['drop-oldest', 'refuse']).default('drop-oldest').meta({
        description: 'What is done where no summary could be made.',
      }),
    })
    .optional()
    .meta({ description: 'Of overflow: summarise.' }),
  compactJson: z.boolean().optional().meta({
    description: 'Write results of tools that are JSON without blanks between their parts. Default: false.',
  }),
  whiteSpace: z.boolean().optional().meta({
    description: 'Leave out blanks at the ends of lines and repeated empty lines outside of code. Default: false.',
  }),
  duplicates: z.boolean().optional().meta({
    description: 'Refer to long results, texts and named files that are there before, to the letter. Default: false.',
  }),
  staticFirst: z.boolean().optional().meta({
    description: 'Put tools in order of their names, instructions first, and files before texts. Default: false.',
  }),
}

/** What is done to prompts before they are sent: the server's default, and what a route sets for itself. */
export const promptSchema = z
  .strictObject(own)
  .refine(({ overflow, summarise }) => overflow !== 'summarise' || summarise !== undefined, {
    message: 'needs summarise.model beside overflow: summarise',
  })
  .prefault({})
  .meta({ description: 'What is done to prompts before they are sent.' })

export const routePromptSchema = z.strictObject(own).optional().meta({
  description: 'What is done to prompts before they are sent. Default: prompt, field by field.',
})

export const promptCacheSchema = z.enum(['auto', 'all', 'off']).default('auto').meta({
  description:
    'Whether prompts are marked for the cache of their provider where that is expected to cost less; never where a client marked its prompt itself. `all`: also those that are passed on as their clients wrote them.',
  env: 'INFERLOOM_PROMPT_CACHE',
})
