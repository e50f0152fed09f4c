import { asInferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import type { Served } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { late, within } from '../within.ts'
import { isItsFault } from './attempt.ts'
import type { DeploymentHealth } from './deployment-health.ts'

/** How one provider is probed: `models` reads its list, `request` asks for one token, which costs that. */
interface ProbeOfProvider {
  readonly kind: 'models' | 'request' | 'off'
  /** A page at its server's root, in place of the list of models. */
  readonly path?: string | undefined
}

export interface ProbeSettings extends ProbeOfProvider {
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  /** Whether candidates of routes are probed too that nobody asked lately. */
  readonly idle: boolean
  /** By name; of others, as above. */
  readonly providers: Readonly<Record<string, ProbeOfProvider>>
}

export interface ProbesParts {
  /** Undefined: none are made. */
  readonly settings: ProbeSettings | undefined
  readonly timekeeper: Timekeeper
  readonly random: () => number
  readonly health: Pick<DeploymentHealth, 'report' | 'probed'>
  readonly find: (id: string) => Served | undefined
  /** Ids of those that routes may choose. */
  readonly candidates: () => readonly string[]
}

/** For whoever looks on. */
export interface ProbesReport {
  readonly answered: number
  readonly failed: number
  /** Of probes that are requests. */
  readonly promptTokens: number
  readonly outputTokens: number
  /** What failed last, by provider or deployment, and why. */
  readonly failing: Readonly<Record<string, string>>
}

/** Services that are probed at the same time; more wait for the next round. */
const mostAtOnce = 20
/** Of which it is told why. */
const mostFailing = 200

/** One service to ask, and the deployments that its answer says something of. */
interface Target {
  readonly id: string
  readonly served: Served
  readonly path: string | undefined
  readonly isRequest: boolean
  readonly deployments: string[]
}

/**
 * Asks deployments that are left alone whether they answer again, so that no request has to find out; and on request
 * those that nobody asks. Where requests are answered nothing is probed: they say more.
 */
export class Probes {
  readonly #parts: ProbesParts
  #settings: ProbeSettings | undefined
  #cancel: (() => void) | undefined
  #running = new AbortController()
  readonly #targets = new Set<string>()
  readonly #failing = new Map<string, string>()
  readonly #counts = { answered: 0, failed: 0, promptTokens: 0, outputTokens: 0 }

  constructor(parts: ProbesParts) {
    this.#parts = parts
    this.configure(parts.settings)
  }

  /** From now on with other settings; what is under way is stopped. */
  configure(settings: ProbeSettings | undefined): void {
    this.close()
    this.#settings = settings
    this.#running = new AbortController()
    this.#failing.clear()
    if (settings) this.#plan(settings)
  }

  /** Undefined where none are made. */
  report(): ProbesReport | undefined {
    return this.#settings && { ...this.#counts, failing: Object.fromEntries(this.#failing) }
  }

  close(): void {
    this.#cancel?.()
    this.#running.abort()
    this.#settings = undefined
  }

  /** Several servers that began at one moment do not probe at one moment. */
  #plan(settings: ProbeSettings): void {
    const { timekeeper, random } = this.#parts
    const milliseconds = settings.intervalSeconds * 1000 * (0.9 + 0.2 * random())
    this.#cancel = timekeeper.after(milliseconds, () => {
      this.#plan(settings)
      for (const target of this.#due(settings)) {
        if (this.#targets.size >= mostAtOnce) return
        if (!this.#targets.has(target.id)) void this.#probe(target, settings, this.#running.signal)
      }
    })
  }

  #due(settings: ProbeSettings): Iterable<Target> {
    const { health, find, candidates } = this.#parts
    const known = health.report()
    const ids = known.filter(({ state }) => state === 'open').map(({ id }) => id)
    if (settings.idle) {
      const busy = new Set(known.flatMap(({ id, tries, inFlight }) => (tries + inFlight > 0 ? [id] : [])))
      ids.push(...candidates().filter((id) => !busy.has(id)))
    }
    const targets = new Map<string, Target>()
    for (const deployment of new Set(ids)) {
      const served = find(deployment)
      if (!served) continue
      const { name } = served.provider
      const { kind, path } = Object.hasOwn(settings.providers, name) ? (settings.providers[name] ?? settings) : settings
      if (kind === 'off') continue
      const isRequest = kind === 'request'
      const id = isRequest ? deployment : name
      const target = targets.get(id) ?? { id, served, path, isRequest, deployments: [] }
      target.deployments.push(deployment)
      targets.set(id, target)
    }
    return targets.values()
  }

  async #probe(target: Target, { timeoutSeconds }: ProbeSettings, running: AbortSignal): Promise<void> {
    const { timekeeper, health } = this.#parts
    const over = new AbortController()
    const signal = AbortSignal.any([running, over.signal])
    const asked = target.isRequest ? this.#askOneToken(target, signal) : askPage(target, signal)
    if (!asked) return
    this.#targets.add(target.id)
    let trouble: string | undefined
    try {
      const answer = await within(timekeeper, timeoutSeconds * 1000, asked)
      if (answer === late) trouble = `No answer within ${timeoutSeconds} s.`
    } catch (thrown) {
      const error = asInferloomError(thrown)
      // Whoever refuses what was asked, or says that it was too much, is there.
      if (isItsFault(error)) trouble = error.message
    } finally {
      over.abort()
      this.#targets.delete(target.id)
    }
    if (running.aborted) return
    this.#counts[trouble === undefined ? 'answered' : 'failed']++
    if (trouble === undefined) this.#failing.delete(target.id)
    else if (this.#failing.size < mostFailing) this.#failing.set(target.id, trouble.slice(0, 300))
    for (const id of target.deployments) health.probed(id, trouble === undefined)
  }

  async #askOneToken({ served: { provider, model } }: Target, signal: AbortSignal): Promise<void> {
    for await (const events of provider.generate({ ...oneToken, model }, signal)) {
      for (const event of events) {
        if (event.type !== 'finish') continue
        this.#counts.promptTokens += event.usage.inputTokens.total
        this.#counts.outputTokens += event.usage.outputTokens.total
      }
    }
  }
}

const oneToken: Omit<GenerateRequest, 'model'> = {
  input: { kind: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
  n: 1,
  maxOutputTokens: 1,
  stop: [],
  sampling: {},
}

/** Undefined where there is nothing to ask for. */
function askPage({ served: { provider }, path }: Target, signal: AbortSignal): Promise<void> | undefined {
  return provider.probe?.(path, signal)
}
