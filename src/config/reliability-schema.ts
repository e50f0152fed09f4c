import { z } from 'zod'

const share = z.number().min(0).max(1)
const seconds = (max: number) => z.number().positive().max(max)

const probeOf = {
  kind: z.enum(['models', 'request', 'off']).default('models').meta({
    description: 'models reads the list of models; request asks for one token, and costs that; off asks nothing.',
  }),
  path: z
    .string()
    .regex(/^\/[\w./~-]{0,200}$/, 'must be a path such as /health')
    .optional()
    .meta({ description: "A page at the server's root to ask for in place of the list of models." }),
}

/** Asking those who failed whether they answer again, so that no request has to find out. */
const probes = z
  .strictObject({
    intervalSeconds: seconds(86_400).default(10).meta({ description: 'Between two probes of one that is left alone.' }),
    timeoutSeconds: seconds(600).default(5).meta({ description: 'After which one has failed.' }),
    ...probeOf,
    idle: z.boolean().default(false).meta({
      description: 'Probe candidates of routes too that nobody asked for as long as its breaker looks back.',
    }),
    providers: z
      .record(z.string().min(1).max(64), z.strictObject(probeOf))
      .default({})
      .meta({ description: 'Of single providers, by name.' }),
  })
  .optional()
  .meta({ description: 'Ask those that are left alone whether they answer again. Default: requests find out.' })

/** What is done when a provider fails. */
export const reliabilitySchema = z
  .strictObject({
    attempts: z.int().min(1).max(10).default(3).meta({
      description: 'Tries of one request in all, the first among them, as long as nothing of an answer was sent.',
    }),
    backoffMs: z.number().min(0).max(60_000).default(250).meta({
      description:
        'Milliseconds before the first repeat at the same provider, at most: a random share of it, which doubles.',
    }),
    mostBackoffMs: z.number().min(0).max(600_000).default(8000).meta({ description: 'Of a later repeat.' }),
    mostWaitSeconds: z.number().min(0).max(3600).default(10).meta({
      description: 'Of what a provider asks to wait by retry-after; the client is told where it is longer.',
    }),
    budgetShare: share.default(0.2).meta({
      description: 'Repeats at the same provider for each request: more would make an outage worse.',
    }),
    hedgeShare: share.default(0.05).meta({ description: 'Second tries for each request of routes that hedge.' }),
    breaker: z
      .strictObject({
        failureShare: share.default(0.5).meta({ description: 'Of its latest tries, at which a model is left alone.' }),
        slowShare: share.default(0.8).meta({ description: 'The same for tries that were slow.' }),
        slowSeconds: seconds(3600).optional().meta({ description: 'To the first content. Default: none is slow.' }),
        minimumTries: z.int().min(1).max(10_000).default(10).meta({ description: 'Before shares say anything.' }),
        consecutiveFailures: z.int().min(1).max(10_000).default(5).meta({
          description: 'Failures one after the other that are enough.',
        }),
        windowSeconds: seconds(3600).default(30).meta({ description: 'That are looked back.' }),
        openSeconds: seconds(3600).default(5).meta({ description: 'That it is left alone the first time; doubles.' }),
        mostOpenSeconds: seconds(86_400).default(120).meta({ description: 'That it is left alone at most.' }),
        probes: z.int().min(1).max(100).default(2).meta({
          description: 'Requests that have to be answered, one at a time, before it is asked as before.',
        }),
      })
      .prefault({}),
    probes,
  })
  .prefault({})
  .meta({ description: 'What is done when a provider fails.' })
