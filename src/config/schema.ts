import { z } from 'zod'
import { cacheSchema } from './cache-schema.ts'
import { limitsSchema } from './limits-schema.ts'
import { pacingSchema, providerLimits } from './pacing-schema.ts'
import { promptCacheSchema, promptSchema } from './prompt-schema.ts'
import { routesSchema, routingSchema } from './routes-schema.ts'
import { reliabilitySchema } from './reliability-schema.ts'

// `env` and `flag` are read from here by load.ts and by the command line, and appear in the exported JSON Schema.
interface SettingMeta {
  description: string
  env?: string
  flag?: string
}
const setting = <T extends z.ZodType>(type: T, meta: SettingMeta): T => type.meta({ ...meta })

const seconds = (max: number) => z.number().positive().max(max)
const whole = (max: number) => z.int().min(1).max(max)

const sampling = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().min(0).max(1).optional(),
  topK: z.int().min(0).optional(),
  minP: z.number().min(0).max(1).optional(),
  repeatPenalty: z.number().min(0).max(2).optional(),
})

const model = z.strictObject({
  file: z.string().min(1).meta({ description: 'A GGUF file; a relative path starts at the configuration file.' }),
  context: whole(10_000_000)
    .optional()
    .meta({ description: 'Tokens of prompt and output together. Default: what the model was trained for.' }),
  parallel: whole(256).optional().meta({ description: 'Requests that decode at once. Default: engine.parallel.' }),
  threads: whole(512).optional().meta({ description: 'Compute threads. Default: engine.threads.' }),
  sampling: sampling.optional().meta({ description: 'Used where a request leaves these open.' }),
  lora: z
    .array(
      z.strictObject({
        file: z.string().min(1).meta({ description: 'A LoRA adapter in a GGUF file.' }),
        scale: z.number().min(-100).max(100).default(1).meta({ description: 'How much of it is added.' }),
      }),
    )
    .max(16)
    .default([])
    .meta({ description: 'Adapters that make another model of the file; models of one file share its weights.' }),
  preload: z.boolean().optional().meta({
    description:
      'true loads it at the start or fails, false waits for its first request. Default: loaded at the start if it fits in memory beside those before it.',
  }),
  pinned: z.boolean().default(false).meta({ description: 'Never leaves memory once it is there.' }),
  keepAlive: z.number().min(-1).max(1_000_000).optional().meta({
    description:
      'Seconds without a request after which it leaves memory: 0 at once, -1 never. It may leave earlier when another model needs the memory. Default: engine.keepAlive.',
  }),
})

const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'must be the name of an HTTP header')
// A line break would end the header and begin another.
// oxlint-disable-next-line no-control-regex
const headerValue = z.string().regex(/^[^\0-\x1f\x7f]*$/, 'must be one line of text')
const secret = headerValue.min(1).max(10_000)

const provider = z.strictObject({
  kind: z.string().min(1).max(100).optional().meta({
    description:
      'What it is, such as openai or openai-compatible. Default: its name, where that is one of those known.',
  }),
  key: secret.optional().meta({
    description:
      'Its key; ${NAME} stands for an environment variable. Default: the variable that its own clients read.',
  }),
  keys: z.array(secret).max(100).optional().meta({ description: 'Several keys, which take turns.' }),
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
    .optional()
    .meta({ description: 'Where it is, such as http://localhost:8000/v1. Default: what is known of its kind.' }),
  headers: z
    .record(headerName, headerValue)
    .optional()
    .meta({ description: 'Sent with every request to it; ${NAME} stands for an environment variable.' }),
  models: z
    .array(z.string().min(1).max(200))
    .max(10_000)
    .optional()
    .meta({ description: 'Models that it serves beside those it lists itself.' }),
  timeouts: z
    .strictObject({
      connect: seconds(3600).optional().meta({ description: 'To make a connection. Default: 10.' }),
      firstByte: seconds(86_400).optional().meta({ description: 'Until it begins to answer. Default: 600.' }),
      idle: seconds(86_400).optional().meta({ description: 'Between two pieces of a stream. Default: 120.' }),
      total: seconds(86_400).optional().meta({ description: 'For a whole answer. Default: 3600.' }),
    })
    .optional()
    .meta({ description: 'In seconds.' }),
  limits: providerLimits
    .extend({
      models: z
        .record(z.string().min(1).max(200), providerLimits)
        .optional()
        .meta({ description: 'Of single models.' }),
    })
    .optional()
    .meta({
      description:
        'What it allows each of its keys for each model. Default: what its answers say, and what its refusals tell.',
    }),
  region: z.string().min(1).max(100).optional().meta({ description: 'For clouds that have several.' }),
  project: z.string().min(1).max(200).optional().meta({ description: 'For clouds that bill by project.' }),
  credentials: z.string().min(1).max(4000).optional().meta({
    description:
      "For Vertex AI: the file of a service account, or metadata to ask the machine's own metadata server. Default: GOOGLE_APPLICATION_CREDENTIALS.",
  }),
  apiVersion: z.string().min(1).max(100).optional().meta({ description: 'For services that want one named.' }),
  deployments: z
    .record(z.string().min(1).max(200), z.string().min(1).max(200))
    .optional()
    .meta({ description: 'Names of deployments by the model that each serves.' }),
  safePrompt: z.boolean().optional().meta({ description: "Of mistral: puts Mistral's own instructions first." }),
  package: z.string().min(1).max(200).optional().meta({
    description: 'Of ai-sdk: the installed package to ask through, such as @ai-sdk/google-vertex.',
  }),
  create: z.string().min(1).max(100).optional().meta({
    description: 'Of ai-sdk: the export that makes a provider. Default: the one whose name begins with create.',
  }),
  from: z.string().min(1).max(1000).optional().meta({
    description:
      'Of ai-sdk: a folder in which the package is installed. Default: beside inferloom, or where it is started.',
  }),
  options: z.record(z.string().min(1).max(100), z.unknown()).optional().meta({
    description:
      'Of ai-sdk: what the package is given beside key, baseUrl and headers; ${NAME} in a text stands for an environment variable.',
  }),
})

const dollars = z.number().min(0).max(1_000_000)

const price = z
  .strictObject({
    input: dollars,
    output: dollars,
    cachedInput: dollars.optional().meta({ description: 'Input read from a cache. Default: as other input.' }),
    cacheWrite: dollars.optional().meta({ description: 'Input written to a cache. Default: as other input.' }),
    cacheWriteHour: dollars.optional().meta({ description: 'Input written to a cache for an hour.' }),
    request: dollars.optional().meta({ description: 'US dollars for each request, beside its tokens.' }),
    tiers: z
      .record(z.string().min(1).max(100), z.number().min(0).max(1000))
      .optional()
      .meta({ description: "What a service tier costs of it, by the provider's word: flex: 0.5." }),
  })
  .meta({ description: 'US dollars per million tokens.' })

/** Every setting there is. Exported as JSON Schema for editors in `config.schema.json`. */
export const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: setting(z.string().min(1).default('127.0.0.1'), {
        description: 'Address to listen on. Anything but this machine needs keys.',
        env: 'INFERLOOM_HOST',
        flag: '--host <address>',
      }),
      port: setting(z.int().min(0).max(65_535).default(4633), {
        description: 'Port to listen on; 0 takes a free one.',
        env: 'INFERLOOM_PORT',
        flag: '--port <number>',
      }),
      keys: setting(z.array(z.string().min(16)).default([]), {
        description:
          'Keys that clients send as "Authorization: Bearer …", 16 characters or more, beside those of inferloom keys.',
        env: 'INFERLOOM_KEYS',
      }),
      localWithoutKey: setting(z.boolean().optional(), {
        description:
          'Whether processes of this machine may ask models without a key. Default: as long as there is no key.',
        env: 'INFERLOOM_LOCAL_WITHOUT_KEY',
      }),
      allowedHosts: setting(z.array(z.string().min(1)).default([]), {
        description:
          'Host names, beside localhost, addresses and this machine’s own name, that requests may be sent to.',
        env: 'INFERLOOM_ALLOWED_HOSTS',
      }),
      allowedOrigins: setting(z.array(z.string().min(1)).default([]), {
        description: 'Web pages that may send requests, such as https://chat.example.com.',
        env: 'INFERLOOM_ALLOWED_ORIGINS',
      }),
      bodyLimitMB: setting(z.number().positive().max(1024).default(8), {
        description: 'Largest request body, in megabytes.',
        env: 'INFERLOOM_BODY_LIMIT_MB',
      }),
      headersTimeoutSeconds: setting(seconds(600).default(10), {
        description: 'Time a client has to send its headers.',
      }),
      requestTimeoutSeconds: setting(seconds(3600).default(60), {
        description: 'Time a client has to send a whole request.',
      }),
      idleTimeoutSeconds: setting(seconds(3600).default(60), {
        description: 'Time after which a client that does not read its answer is cut off.',
      }),
      shutdownGraceSeconds: setting(seconds(3600).default(20), {
        description: 'Time that running answers have to finish after SIGTERM.',
        env: 'INFERLOOM_SHUTDOWN_GRACE_SECONDS',
      }),
    })
    .prefault({}),
  engine: z
    .strictObject({
      threads: setting(whole(512).optional(), {
        description:
          'Compute threads of each model. Default: the processor cores this process may use, or fewer where that was measured to be faster.',
        env: 'INFERLOOM_THREADS',
        flag: '--threads <number>',
      }),
      parallel: setting(whole(256).default(16), {
        description: 'Requests that decode at once, per model.',
        env: 'INFERLOOM_PARALLEL',
        flag: '--parallel <number>',
      }),
      queue: setting(z.int().min(0).max(100_000).default(256), {
        description: 'Requests that may wait per model; one more is refused with 503.',
        env: 'INFERLOOM_QUEUE',
        flag: '--queue <number>',
      }),
      batchTokens: setting(z.int().min(256).max(8192).optional(), {
        description: 'Tokens in one evaluation. Default: 512, or what was measured to be faster on this machine.',
      }),
      prefillChunkTokens: setting(whole(8192).default(512), {
        description: 'Most prompt tokens in one evaluation while other requests decode.',
      }),
      targetGapMs: setting(z.number().min(1).max(60_000).default(200), {
        description:
          'Milliseconds that running streams may wait for their next token while prompts are evaluated beside them: ' +
          'chunks of prompts are made as small as that needs.',
        env: 'INFERLOOM_TARGET_GAP_MS',
      }),
      prefixReuse: setting(z.boolean().default(true), {
        description: 'Begin with what earlier or running requests have evaluated of the same prompt.',
        env: 'INFERLOOM_PREFIX_REUSE',
      }),
      savePrefixes: setting(z.boolean().default(false), {
        description:
          'Write evaluated prompts to the data folder when a model is unloaded, and read them when it is loaded again. ' +
          'They hold what was asked and answered.',
        env: 'INFERLOOM_SAVE_PREFIXES',
      }),
      prefixCacheMB: setting(z.number().min(0).max(1_000_000).default(256), {
        description: 'Memory, in megabytes per model, for evaluated prompts that are kept beside the KV cache.',
        env: 'INFERLOOM_PREFIX_CACHE_MB',
      }),
      memoryGB: setting(z.number().positive().max(100_000).optional(), {
        description:
          'Memory, in gigabytes, for all models together; those that were not used for longest leave it for others. Default: 70 % of what is available at the start.',
        env: 'INFERLOOM_MEMORY_GB',
      }),
      keepAlive: setting(z.number().min(-1).max(1_000_000).default(300), {
        description: 'Seconds without a request after which a model leaves memory: 0 at once, -1 never.',
        env: 'INFERLOOM_KEEP_ALIVE',
      }),
      loadTimeoutSeconds: setting(seconds(86_400).default(300), {
        description: 'A model that takes longer to load is given up.',
        env: 'INFERLOOM_LOAD_TIMEOUT_SECONDS',
      }),
      stallSeconds: setting(seconds(3600).default(120), {
        description: 'An engine that is busy and silent for longer is taken for dead and restarted.',
      }),
    })
    .prefault({}),
  store: z
    .strictObject({
      folders: setting(z.array(z.string().min(1)).max(100).default([]), {
        description:
          'Folders with GGUF files to serve beside those that were pulled; a relative path starts at the configuration file. They are read, never written.',
        env: 'INFERLOOM_STORE_FOLDERS',
      }),
    })
    .prefault({}),
  builtin: setting(z.boolean().default(true), {
    description: 'Serve the built-in models loom-mini, loom-nano and loom-embed.',
    env: 'INFERLOOM_BUILTIN',
  }),
  models: z
    .record(z.string().regex(/^[\w.:/@-]{1,200}$/), model)
    .default({})
    .meta({ description: 'Local models by the name that clients ask for.' }),
  providers: z
    .record(
      z
        .string()
        .regex(/^[a-z\d][\w.-]{0,63}$/)
        .refine((name) => name !== 'local', 'local is the name of the models on this machine'),
      z.union([z.literal(false), provider]),
    )
    .default({})
    .meta({
      description:
        'Services to ask, by the name that goes before their models: openai serves openai/gpt-4.1. ' +
        'Those whose key is in the environment are there without being named; false leaves one out.',
    }),
  responses: z
    .strictObject({
      store: setting(z.boolean().default(true), {
        description:
          'Keep what was asked and answered through /v1/responses, so that previous_response_id works. Requests with store: false are never kept.',
        env: 'INFERLOOM_RESPONSES_STORE',
      }),
      maxAgeDays: setting(z.number().positive().max(3650).default(30), {
        description: 'Days that an answer is kept.',
        env: 'INFERLOOM_RESPONSES_MAX_AGE_DAYS',
      }),
      maxMB: setting(z.number().positive().max(1_000_000).default(500), {
        description: 'Megabytes of answers that are kept; the oldest make room for new ones.',
        env: 'INFERLOOM_RESPONSES_MAX_MB',
      }),
    })
    .prefault({}),
  prices: z
    .strictObject({
      models: z
        .record(z.string().regex(/^[^/]+\/.{1,200}$/, 'must be provider/model'), price)
        .default({})
        .meta({ description: 'Prices by provider/model. They go before those that are known of a provider.' }),
      update: setting(z.boolean().default(true), {
        description:
          'Fetch the list of prices anew once a day, once a provider was asked whose prices it may have. Nothing is sent.',
        env: 'INFERLOOM_PRICES_UPDATE',
      }),
      url: setting(z.url({ protocol: /^https?$/ }).optional(), {
        description: 'Where the list is fetched from. Default: https://github.com/pydantic/genai-prices.',
      }),
    })
    .prefault({}),
  hardware: z
    .strictObject({
      perHour: dollars.optional().meta({ description: 'US dollars for an hour in which models run.' }),
      watts: z.number().positive().max(1_000_000).optional().meta({ description: 'Drawn while models run.' }),
      perKWh: dollars.optional().meta({ description: 'US dollars for a kilowatt hour.' }),
      bought: dollars.optional().meta({ description: 'US dollars that the machine cost.' }),
      lifetimeHours: z.number().positive().max(1_000_000).optional().meta({
        description: 'Hours of running models over which its price is spread.',
      }),
    })
    .refine(({ watts, perKWh }) => (watts === undefined) === (perKWh === undefined), {
      path: ['perKWh'],
      message: 'watts and perKWh are one price together: set both',
    })
    .refine(({ bought, lifetimeHours }) => (bought === undefined) === (lifetimeHours === undefined), {
      path: ['lifetimeHours'],
      message: 'bought and lifetimeHours are one price together: set both',
    })
    .prefault({})
    .meta({ description: 'What models on this machine cost. Without it they cost 0, marked as own hardware.' }),
  ledger: z
    .strictObject({
      record: setting(z.boolean().default(true), {
        description:
          'Keep a row of every request. Without rows nobody can see what was asked and spent, and budgets begin anew with every start.',
        env: 'INFERLOOM_LEDGER_RECORD',
      }),
      maxAgeDays: setting(z.number().positive().max(36_500).default(365), {
        description: 'Days that rows of requests are kept; sums by the day are kept for ten years.',
        env: 'INFERLOOM_LEDGER_MAX_AGE_DAYS',
      }),
      maxMB: setting(z.number().positive().max(10_000_000).default(5000), {
        description: 'Megabytes of rows that are kept; the oldest make room for new ones.',
        env: 'INFERLOOM_LEDGER_MAX_MB',
      }),
      replay: setting(z.boolean().default(true), {
        description:
          'Keep keyed hashes of what was asked, from which nobody can tell it, so that requests can be compared later.',
        env: 'INFERLOOM_LEDGER_REPLAY',
      }),
      content: z
        .strictObject({
          share: setting(z.number().min(0).max(1).default(0), {
            description: 'The share of requests whose content is kept: 0 none, 1 all.',
            env: 'INFERLOOM_LEDGER_CONTENT_SHARE',
          }),
          maxAgeDays: setting(z.number().positive().max(36_500).default(7), {
            description: 'Days that content is kept.',
          }),
          redact: setting(z.boolean().default(true), {
            description: 'Leave out e-mail addresses, telephone numbers and keys, as far as their form tells them.',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  limits: limitsSchema,
  routes: routesSchema,
  routing: routingSchema,
  reliability: reliabilitySchema,
  cache: cacheSchema,
  prompt: promptSchema,
  promptCache: promptCacheSchema,
  pacing: pacingSchema,
  telemetry: z
    .strictObject({
      traces: z
        .strictObject({
          endpoint: setting(z.url({ protocol: /^https?$/ }).optional(), {
            description:
              'An OpenTelemetry collector to send traces to, such as http://localhost:4318. None: no traces.',
            env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
          }),
          headers: z
            .record(headerName, headerValue)
            .default({})
            .meta({ description: 'Sent to it, beside those of OTEL_EXPORTER_OTLP_HEADERS.' }),
          sample: setting(z.number().min(0).max(1).default(1), {
            description: 'The share of requests that is traced; whoever sends a traceparent has decided already.',
            env: 'OTEL_TRACES_SAMPLER_ARG',
          }),
          serviceName: setting(z.string().min(1).max(200).default('inferloom'), {
            description: 'As what it appears in traces.',
            env: 'OTEL_SERVICE_NAME',
          }),
          content: setting(z.boolean().default(false), {
            description: 'Put what was said into traces too, of the requests whose content the ledger keeps.',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  log: setting(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'), {
    description: 'How much is logged to stderr.',
    env: 'INFERLOOM_LOG',
    flag: '--log <level>',
  }),
})

export type Config = z.infer<typeof configSchema>

/** The JSON Schema of `inferloom.yaml`. */
export function configJsonSchema(): unknown {
  return { title: 'inferloom.yaml', ...z.toJSONSchema(configSchema, { io: 'input' }) }
}
