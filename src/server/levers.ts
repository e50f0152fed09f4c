import { InferloomError } from '../canonical/errors.ts'
import type { Prices } from '../catalog/price.ts'
import { lineOf } from '../config/line-of.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { DiskTier } from '../gateway/cache/disk-tier.ts'
import { KeptAnswers } from '../gateway/cache/kept-answers.ts'
import { SharedTier, type SharedTierReport } from '../gateway/cache/shared-tier.ts'
import { SemanticAnswers } from '../gateway/cache/semantic/semantic-answers.ts'
import type { Models } from '../gateway/models.ts'
import type { ProviderLimits } from '../gateway/queue/lane.ts'
import { CacheMarks, type CacheMarksReport } from '../gateway/prompt/cache-marks.ts'
import { openPromptPolicies } from '../gateway/prompt/policies.ts'
import type { PromptPolicies } from '../gateway/prompt/prompt-policy.ts'
import type { AskModel } from '../gateway/prompt/summary.ts'
import { ProviderPacer } from '../gateway/queue/provider-pacer.ts'
import { Attempts } from '../gateway/routing/attempts.ts'
import { DeploymentHealth } from '../gateway/routing/deployment-health.ts'
import { Hedging } from '../gateway/routing/hedging.ts'
import { candidateId } from '../gateway/routing/plain-planner.ts'
import { RoutePlanner } from '../gateway/routing/planner.ts'
import { Probes, type ProbesReport } from '../gateway/routing/probes.ts'
import { Routes } from '../gateway/routing/routes.ts'
import { Retries } from '../gateway/routing/retries.ts'
import { machineTime as timekeeper } from '../gateway/timekeeper.ts'
import type { AnswerRows } from '../storage/answer-rows.ts'
import { openSharedStore } from '../storage/shared-store.ts'
import type { OpenedProvider } from './providers.ts'
import { labelledPairs } from './semantic-labels.ts'

export interface LeverParts {
  readonly loaded: LoadedConfig
  readonly models: Models
  readonly routes: Routes
  readonly prices: Prices | undefined
  readonly opened: readonly OpenedProvider[]
  /** Asks models on behalf of callers. */
  readonly ask: AskModel
  readonly answers: AnswerRows
  /** Answers could not be kept on the disk, or in the store that is shared. */
  readonly onTrouble: (error: unknown) => void
}

export interface Levers {
  readonly planner: RoutePlanner
  readonly attempts: Attempts
  readonly health: DeploymentHealth
  /** Absent where prompts are sent as they are. */
  readonly prompts: PromptPolicies | undefined
  /** Absent where providers are not asked to keep prompts. */
  readonly cacheMarks: CacheMarks | undefined
  /** Absent where no answers are kept. */
  readonly cache: KeptAnswers | undefined
  /** Absent where nobody is held back. */
  readonly pacer: ProviderPacer | undefined
  report(): LeversReport
  /** Stops what is done without being asked. */
  close(): Promise<void>
  /** From now on with other settings. Throws, and changes nothing, where they are wrong. */
  configure(loaded: LoadedConfig): Promise<void>
}

/** For whoever looks on: `GET /admin/levers` and `/metrics`. */
export interface LeversReport {
  readonly times: ReturnType<RoutePlanner['report']>
  readonly health: ReturnType<DeploymentHealth['report']>
  /** Absent where none are made. */
  readonly probes: ProbesReport | undefined
  readonly retries: ReturnType<Retries['report']>
  readonly hedges: ReturnType<Hedging['report']>
  readonly pacing: ReturnType<ProviderPacer['report']>
  readonly cache: ReturnType<KeptAnswers['report']> | undefined
  /** Absent where none is shared with other processes. */
  readonly cacheStore: SharedTierReport | undefined
  readonly promptCache: CacheMarksReport | undefined
  readonly semantic: ReturnType<SemanticAnswers['report']>
}

/** What decides whom a request is sent to, when, and what is done when that fails. */
export function openLevers({ loaded, models, routes, prices, opened, ask, answers, onTrouble }: LeverParts): Levers {
  const { config } = loaded
  const { breaker, hedgeShare, probes: probing, ...retry } = config.reliability
  const { random } = Math
  const health = new DeploymentHealth({ settings: breaker, timekeeper, random })
  const { explore } = config.routing
  const planner = new RoutePlanner({ models, routes, prices, health, timekeeper, random, explore })
  loadPrices(routes, prices)
  const pacer = config.pacing.enabled ? openPacer(config, opened) : undefined
  const retries = new Retries({ settings: retry, timekeeper, random, health })
  const hedging = new Hedging({ share: hedgeShare })
  const attempts = new Attempts({
    timekeeper,
    ...(pacer && { pacer }),
    health,
    retries,
    hedging,
    began: (candidate, ttftMs) => planner.began(candidate, ttftMs),
    learn: (candidate, outcome) => planner.learn(candidate, outcome),
  })
  const probes = new Probes({
    settings: probing,
    timekeeper,
    random,
    health,
    find: (id) => models.peek(id),
    candidates: () => routes.candidates().map(candidateId),
  })
  const semantic = openSemantic(loaded, models)
  const shared = openShared(config, onTrouble)
  const second = shared ?? openDisk(config, answers, onTrouble)
  const cache = config.cache.enabled
    ? new KeptAnswers({ settings: config.cache, ...(second && { second }), ...(semantic && { semantic }) })
    : undefined
  const prompts = openPromptPolicies({
    server: config.prompt,
    routes: new Map(Object.entries(config.routes).flatMap(([name, { prompt }]) => (prompt ? [[name, prompt]] : []))),
    ask,
    timekeeper,
  })
  const cacheMarks = config.promptCache === 'off' ? undefined : new CacheMarks(timekeeper, config.promptCache === 'all')
  return {
    prompts,
    cacheMarks,
    planner,
    attempts,
    health,
    cache,
    pacer,
    report: () => ({
      times: planner.report(),
      health: health.report(),
      probes: probes.report(),
      retries: retries.report(),
      hedges: hedging.report(),
      pacing: pacer?.report() ?? [],
      promptCache: cacheMarks?.report(),
      cache: cache?.report(),
      cacheStore: shared?.report(),
      semantic: semantic?.report() ?? [],
    }),
    async close() {
      probes.close()
      await cache?.close()
    },
    async configure(loaded) {
      routes.adopt(await openRoutes(loaded, models))
      loadPrices(routes, prices)
      const { reliability, routing, pacing, cache: kept } = loaded.config
      const { breaker, hedgeShare: share, probes: probing, ...retry } = reliability
      planner.configure(routing)
      health.configure(breaker)
      probes.configure(probing)
      retries.configure(retry)
      hedging.configure({ share })
      pacer?.configure({ settings: pacing, limitsOf: limitsIn(loaded.config) })
      cache?.configure(kept)
      shared?.configure(kept)
    },
  }
}

/** Whoever chooses by cost has to know it, from the first request on. */
function loadPrices(routes: Routes, prices: Prices | undefined): void {
  for (const provider of routes.providers()) prices?.prepare(provider)?.catch(() => {})
}

function openPacer(config: Config, opened: readonly OpenedProvider[]): ProviderPacer {
  const keys = new Map(opened.map(({ provider, keys }) => [provider.name, keys]))
  return new ProviderPacer({
    settings: config.pacing,
    timekeeper,
    keysOf: (provider) => keys.get(provider) ?? 1,
    limitsOf: limitsIn(config),
  })
}

/** Undefined where answers are kept in memory alone. */
function openDisk({ cache }: Config, rows: AnswerRows, onTrouble: LeverParts['onTrouble']): DiskTier | undefined {
  const { enabled, diskMB, ttlSeconds } = cache
  return enabled && diskMB > 0 ? new DiskTier({ rows, mostBytes: diskMB * 1e6, ttlSeconds, onTrouble }) : undefined
}

function openShared({ cache }: Config, onTrouble: LeverParts['onTrouble']): SharedTier | undefined {
  const { enabled, redis } = cache
  if (!enabled || redis === undefined) return undefined
  const open = (signal: AbortSignal) => openSharedStore(redis, signal)
  return new SharedTier({ open, settings: cache, timekeeper, random: Math.random, onTrouble })
}

/** Undefined where no route asks for it. */
function openSemantic({ config, file }: LoadedConfig, models: Models): SemanticAnswers | undefined {
  const asking = Object.entries(config.routes).flatMap(([name, { semantic }]) => {
    if (!semantic) return []
    const { labels } = semantic
    return [[name, { ...semantic, labels: labels === undefined ? [] : labelledPairs(name, labels, file) }] as const]
  })
  if (asking.length === 0) return undefined
  return new SemanticAnswers({
    routes: Object.fromEntries(asking),
    timekeeper,
    random: Math.random,
    async embed(name, texts, signal) {
      const { provider, model } = models.find(name)
      const result = await provider.embed?.({ model, inputs: texts }, signal)
      if (!result) throw new InferloomError('invalid_value', `Model '${name}' makes no vectors.`)
      return result.embeddings
    },
  })
}

/** What a provider allows a model, as it is configured. */
function limitsIn({ providers }: Config): (provider: string, model: string) => ProviderLimits {
  return (provider, model) => {
    const settings = Object.hasOwn(providers, provider) ? providers[provider] : undefined
    const { models = {}, ...all } = (settings || {}).limits ?? {}
    return Object.hasOwn(models, model) ? { ...all, ...models[model] } : all
  }
}

/** Names that choose among models. Says where in the file one is wrong. */
export async function openRoutes({ config, file }: LoadedConfig, models: Models): Promise<Routes> {
  try {
    return new Routes({
      models,
      settings: config.routes,
      withBuiltin: config.routing.builtin,
      regions: regionsOf(config),
    })
  } catch (error) {
    if (!(error instanceof InferloomError) || error.param === undefined || file === undefined) throw error
    const line = await lineOf(file, error.param.split('.'))
    throw new InferloomError('config_invalid', `${file}${line === undefined ? '' : `, line ${line}`}: ${error.message}`)
  }
}

function regionsOf({ providers }: Config): ReadonlyMap<string, string> {
  const named = Object.entries(providers).flatMap(([name, settings]) =>
    settings && settings.region !== undefined ? [[name, settings.region] as const] : [],
  )
  return new Map(named)
}
