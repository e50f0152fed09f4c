import { z } from 'zod'
import { routePromptSchema } from './prompt-schema.ts'
import { semanticSchema } from './semantic-schema.ts'

const positive = z.number().positive()
const share = z.number().min(0).max(1)

export const objectives = ['cheapest', 'fastest', 'best', 'balanced', 'ordered', 'weighted', 'least-busy'] as const

const candidate = z.union([
  z.string().min(1).max(300),
  z.strictObject({
    model: z.string().min(1).max(300).meta({ description: 'provider/model, a local model, or another route.' }),
    weight: positive.max(1_000_000).optional().meta({ description: 'Of weighted and least-busy routes. Default: 1.' }),
    quality: share.optional().meta({ description: 'How good it is at what this route is for, from 0 to 1.' }),
    region: z.string().min(1).max(100).optional().meta({
      description: 'Where it runs. Default: the region of its provider; local for models of this machine.',
    }),
  }),
])

const route = z.strictObject({
  objective: z
    .enum(objectives)
    .default('ordered')
    .meta({ description: 'What it tries to be; ordered asks the candidates as they are listed.' }),
  candidates: z.array(candidate).min(1).max(100).meta({
    description: 'Models of which one answers: provider/model, local models, or other routes.',
  }),
  require: z
    .strictObject({
      ttftMs: positive.max(86_400_000).optional().meta({ description: 'Milliseconds to the first token.' }),
      latencyMs: positive.max(86_400_000).optional().meta({ description: 'Milliseconds to the last token.' }),
      maxCost: positive.max(1_000_000).optional().meta({ description: 'US dollars for a request.' }),
      minQuality: share.optional().meta({ description: 'Measured, from 0 to 1.' }),
      region: z.string().min(1).max(100).optional().meta({ description: 'Where it has to run.' }),
    })
    .prefault({})
    .meta({
      description:
        'What every answer has to keep to, as far as it can be known before. Requests can ask for more, not for less.',
    }),
  bestEffort: z.boolean().default(false).meta({
    description:
      'Ask the one that comes closest where no candidate can keep to it, instead of refusing. Never one elsewhere.',
  }),
  affinity: z.boolean().default(true).meta({
    description:
      'Send prompts that begin alike to the candidate that has read the beginning already. Not in weighted routes.',
  }),
  prompt: routePromptSchema,
  semantic: semanticSchema.optional().meta({
    description: 'Give kept answers to the same question in other words. Default: never.',
  }),
  reliability: z
    .strictObject({
      attempts: z.int().min(1).max(10).optional().meta({ description: 'Tries in all. Default: reliability.attempts.' }),
      hedge: z.boolean().optional().meta({
        description: 'Ask a second candidate as well where the first is slower than nineteen of twenty.',
      }),
      onContextOverflow: z.boolean().optional().meta({
        description: 'Ask the next where a prompt is too long for one. Default: true.',
      }),
      onContentFilter: z.boolean().optional().meta({
        description: 'Ask the next where one refuses to answer. Default: false.',
      }),
      firstContentMs: positive.max(86_400_000).optional().meta({
        description: 'Milliseconds that one has to begin before the next is asked instead.',
      }),
    })
    .prefault({}),
})

export const routesSchema = z
  .record(z.string().regex(/^[\w.:@-]{1,100}$/, 'must be a name of letters, digits and . : @ _ -'), route)
  .default({})
  .meta({ description: 'Names that clients ask for as a model, with the models of which one answers.' })

export const routingSchema = z
  .strictObject({
    builtin: z.boolean().default(true).meta({
      description: 'Offer auto, fast, smart and cheap, which choose among all models, where no model has that name.',
      env: 'INFERLOOM_ROUTING_BUILTIN',
    }),
    explore: share.default(0.02).meta({
      description:
        'The share of requests that goes to a candidate whose times were not seen lately, where knowing them could change whom is asked.',
    }),
  })
  .prefault({})
