import type { AddressInfo } from 'node:net'
import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { Ledger } from '../gateway/ledger/ledger.ts'
import { savingsOf } from '../gateway/ledger/savings.ts'
import { Models } from '../gateway/models.ts'
import { Pipeline } from '../gateway/pipeline.ts'
import { ResponseStore } from '../gateway/responses/response-store.ts'
import { openTelemetry } from './telemetry.ts'
import { openStore } from '../storage/store.ts'
import { Roster } from '../transport/roster.ts'
import { addBudgetRoutes } from './admin-budgets.ts'
import { adminKey, type AdminKey } from './admin-key.ts'
import { addKeyRoutes } from './key-routes.ts'
import { openKeys } from './keys.ts'
import { addAdminRoutes } from './admin.ts'
import { askWithin } from './asked-within.ts'
import { buildApp } from './app.ts'
import { openPool } from './engines.ts'
import { isLoopback } from './guard.ts'
import { addLedgerRoutes } from './ledger-routes.ts'
import { openServerPrices } from './prices.ts'
import { openLevers, openRoutes } from './levers.ts'
import { openLimits } from './limits.ts'
import { addMetricsRoute } from './metrics.ts'
import { openProviders } from './providers.ts'
import { Reload, type ReloadReport } from './reload.ts'
import type { ModelInfo } from '../providers/provider.ts'

export interface RunningServer {
  /** `http://127.0.0.1:4633` */
  readonly url: string
  /** Of whoever owns the home. */
  readonly adminKey: AdminKey
  /** Whether processes of this machine need a key, too. */
  readonly needsKey: boolean
  /** Resolves when every model can answer; rejects with the reason when one never will. */
  ready(): Promise<readonly ModelInfo[]>
  /** Reads the settings again. Rejects with what is wrong with them; all stays as it was then. */
  reload(): Promise<ReloadReport>
  /** Stops accepting, lets running answers finish for the set time, then ends them. */
  close(): Promise<void>
}

/**
 * Connections that may wait until they are accepted; the system allows no more than its own bound (4096 on Linux). Node's
 * 511 are full within a second of 2,000 clients, and whoever finds them full tries again for seconds, or is reset.
 * https://nodejs.org/api/net.html#serverlisten
 */
const backlog = 4096

/** Wires the parts together and listens. Throws an error that names the remedy when it cannot. */
export async function startServer(
  loaded: LoadedConfig,
  read: () => Promise<LoadedConfig> = () => Promise.resolve(loaded),
): Promise<RunningServer> {
  const { config, home } = loaded
  const { host, port, keys, shutdownGraceSeconds } = config.server
  const { opened, complaints } = await openProviders(loaded)
  const providers = opened.map(({ provider }) => provider)
  const pool = openPool(loaded)
  const models = new Models({ local: [pool], remote: providers })
  const closeProviders = () => Promise.all([pool, ...providers].map((provider) => provider.close()))
  const givingUp = async (error: unknown) => {
    await closeProviders()
    throw error
  }
  const routes = await openRoutes(loaded, models).catch(givingUp)
  const store = await openStore(home).catch(givingUp)
  const held = await openKeys(loaded, store)
  if (!isLoopback(host) && keys.length === 0 && !held.ring.isUsed) {
    await Promise.all([store.close(), closeProviders()])
    throw new InferloomError(
      'bind_refused',
      `Listening on ${host} would let everyone who can reach this machine use it. ` +
        'Remedy: make a key with inferloom keys create, set server.keys (INFERLOOM_KEYS) to one of 16 characters or more, or listen on 127.0.0.1.',
    )
  }
  const admin = adminKey(home)
  const active = new Roster<AbortController>()
  let closing: Promise<void> | undefined
  const ledger = new Ledger({
    ...config.ledger,
    rows: store.ledger,
    onTrouble: (error, lost) => app.log.error({ err: error, lost }, 'the ledger could not be written'),
    saved: (row) => savingsOf(row, prices),
  })
  const responses = config.responses.store
    ? new ResponseStore({
        ...config.responses,
        rows: store.responses,
        onTrouble: (error, lost) => app.log.error({ err: error, lost }, 'answers could not be kept'),
      })
    : undefined
  const prices = openServerPrices({
    config,
    home,
    opened,
    // Without a network that is as it should be: the list that came with this version goes on.
    onTrouble: (error) => app.log.warn({ reason: String(error) }, 'the list of prices could not be brought up to date'),
  })
  const limits = openLimits({
    config,
    prices,
    ledger,
    store,
    limitsOf: (caller) => held.ring.limitsOf(caller),
    isRoute: (name) => routes.find(name) !== undefined,
    holders: () => held.holders(),
    onTrouble: (error) => app.log.warn({ err: error }, 'a notice of a budget could not be sent'),
  })
  const telemetry = await openTelemetry(loaded)
  const levers = openLevers({
    loaded,
    models,
    routes,
    prices,
    opened,
    ask: askWithin(() => pipeline),
    answers: store.answers,
    onTrouble: (error) => app.log.warn({ err: error }, 'answers cannot be kept beside memory'),
  })
  const pipeline = new Pipeline(models, {
    planner: levers.planner,
    attempts: levers.attempts,
    ...(levers.cache && { cache: levers.cache }),
    ...(levers.prompts && { prompts: levers.prompts }),
    ...(levers.cacheMarks && { cacheMarks: levers.cacheMarks }),
    admission: limits.limits,
    prices,
    ledger,
    watchers: telemetry.watchers,
    replied: (served, headers) => telemetry.limits.observe(served, headers),
  })
  const reload = new Reload({
    loaded,
    read,
    apply: (again) => levers.configure(again),
    onReload: (report) => app.log.warn(report, 'the settings were read again'),
    onTrouble: (error) => app.log.error({ err: error }, 'the settings could not be read again: all stays as it was'),
  })
  const app = buildApp({
    config,
    reload,
    admission: { ...config.server, ring: held.ring, adminKey: admin.key, isLocal: isLoopback(host) },
    models,
    routes,
    pipeline,
    telemetry,
    providers: [pool, ...providers],
    responses,
    ledger,
    active,
    isClosing: () => closing !== undefined,
  })
  for (const complaint of complaints) app.log.warn({ err: complaint }, 'a provider is left out')
  if (held.complaint !== undefined) app.log.warn(held.complaint)
  addAdminRoutes(app, { pool, opened, reload, levers })
  addMetricsRoute(app, { requests: telemetry.metrics, limits: telemetry.limits, ledger, pool, active, levers })
  addBudgetRoutes(app, limits)
  addKeyRoutes(app, held.admin)
  addLedgerRoutes(app, { rows: store.ledger, ledger })

  const end = async () => {
    let cut: NodeJS.Timeout | undefined
    const timer = setTimeout(() => {
      const error = new InferloomError('shutting_down', 'inferloom is shutting down and this answer took too long.')
      active.forEach((controller) => controller.abort(error))
      // Their last words have a second to arrive; a connection that asked for nothing, or reads nothing, ends here too.
      cut = setTimeout(() => app.server.closeAllConnections(), 1000)
    }, shutdownGraceSeconds * 1000)
    // A connection whose answer ends after this is idle then, and would keep the server for its idle timeout.
    const idle = setInterval(() => app.server.closeIdleConnections(), 50)
    await app.close()
    clearInterval(idle)
    clearTimeout(timer)
    clearTimeout(cut)
    reload.close()
    await levers.close()
    await closeProviders()
    await ledger.close()
    await responses?.close()
    await prices.close()
    await limits.close()
    await telemetry.close()
    await store.close()
  }
  const close = () => (closing ??= end())
  try {
    await app.listen({ host, port, backlog })
  } catch (error) {
    await close()
    throw listenError(error, host, port)
  }
  const address = app.server.address() as AddressInfo
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${shown}:${address.port}`,
    adminKey: admin,
    needsKey: !held.needsNone(),
    reload: () => reload.reload(),
    ready: async () => {
      await pool.ready()
      return models.list()
    },
    close,
  }
}

function listenError(error: unknown, host: string, port: number): InferloomError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') {
    const text = `Port ${port} on ${host} is in use. Remedy: stop what uses it, or choose another with --port.`
    return new InferloomError('port_in_use', text, { cause: error })
  }
  return new InferloomError('bind_refused', `inferloom cannot listen on ${host}:${port}: ${message}.`, { cause: error })
}
