import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import type { Served } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { withoutCopies } from './duplicates.ts'
import { Fitting, type FitSettings } from './fitting.ts'
import type { PromptPolicies, PromptPolicy, ShapeAbout, Shaped, UnreadPrompt } from './prompt-policy.ts'
import { withCompactJson, withoutWhiteSpace, type Shorter } from './shorter-texts.ts'
import { staticFirst } from './static-first.ts'
import { Summaries, type AskModel } from './summary.ts'

/** What is left open is as the server's default, and then as nothing is done. */
export interface PromptSettings extends Partial<Undefinable<FitSettings>> {
  readonly compactJson?: boolean | undefined
  readonly whiteSpace?: boolean | undefined
  readonly duplicates?: boolean | undefined
  readonly staticFirst?: boolean | undefined
}

type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined }

export interface PromptPoliciesOptions {
  /** Of all that has no settings of its own. */
  readonly server: PromptSettings
  readonly routes: ReadonlyMap<string, PromptSettings>
  readonly ask: AskModel
  readonly timekeeper: Timekeeper
}

/** Undefined where nothing is ever to be done. Throws `config_invalid` where summaries are wanted and nobody writes them. */
export function openPromptPolicies({
  server,
  routes,
  ask,
  timekeeper,
}: PromptPoliciesOptions): PromptPolicies | undefined {
  const summaries = new Summaries({ ask, timekeeper })
  const common = policyOf(server, 'prompt', summaries)
  const own = new Map(
    [...routes].map(([name, given]) => {
      const settings = { ...server, ...defined(given) }
      return [name, policyOf(settings, `routes.${name}.prompt`, summaries)] as const
    }),
  )
  if (!common && [...own.values()].every((each) => each === undefined)) return undefined
  return {
    of(route, _served: Served, unread) {
      const policy = route !== undefined && own.has(route) ? own.get(route) : common
      return policy && (unread === undefined || policy.mayChange(unread)) ? policy : undefined
    },
  }
}

function defined(settings: PromptSettings): PromptSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

type Shortening = readonly [name: string, shorten: (messages: readonly Message[]) => Shorter]

function policyOf(settings: PromptSettings, at: string, summaries: Summaries): OwnPolicy | undefined {
  const { overflow = 'refuse', maxTokens, summarise } = settings
  const shortenings: Shortening[] = []
  if (settings.compactJson) shortenings.push(['compact-json', withCompactJson])
  if (settings.whiteSpace) shortenings.push(['white-space', withoutWhiteSpace])
  const isFitted = overflow !== 'refuse' || maxTokens !== undefined
  if (overflow === 'summarise' && !summarise) {
    const message = `${at}.overflow is summarise, and no summarise.model says who writes summaries. Remedy: name one.`
    throw new InferloomError('config_invalid', message)
  }
  const { rounds = false, answerTokens = 1024, count = 'ask' } = settings
  const fitting = isFitted
    ? new Fitting({ overflow, rounds, maxTokens, answerTokens, count, summarise }, summaries)
    : undefined
  const { duplicates = false, staticFirst = false } = settings
  if (!fitting && shortenings.length === 0 && !duplicates && !staticFirst) return undefined
  return new OwnPolicy({ shortenings, fitting, duplicates, staticFirst })
}

interface Steps {
  readonly shortenings: readonly Shortening[]
  readonly fitting: Fitting | undefined
  readonly duplicates: boolean
  readonly staticFirst: boolean
}

class OwnPolicy implements PromptPolicy {
  readonly #steps: Steps
  /** Whether prompts are changed that fit. */
  readonly #always: boolean

  constructor(steps: Steps) {
    this.#steps = steps
    this.#always = steps.shortenings.length > 0 || steps.duplicates || steps.staticFirst
  }

  mayChange(unread: UnreadPrompt): boolean {
    return this.#always || this.#steps.fitting?.surelyFits(unread) === false
  }

  /** What loses nothing goes first; then, where that is not enough, turns; and what was left twice is said once. */
  shape(request: GenerateRequest, about: ShapeAbout): Shaped | Promise<Shaped> {
    const { shortenings, fitting, duplicates, staticFirst: isSorted } = this.#steps
    const removed: { policy: string; tokens: number }[] = []
    let shaped = request
    if (isSorted) {
      shaped = staticFirst(request)
      if (shaped !== request) removed.push({ policy: 'static-first', tokens: 0 })
    }
    for (const [policy, shorten] of shortenings) shaped = withMessages(shaped, shorten, policy, removed)
    // A text that is referred to must stay: what is said once is found among what was kept.
    const last = (kept: GenerateRequest) =>
      duplicates ? withMessages(kept, withoutCopies, 'duplicates', removed) : kept
    if (!fitting) return { request: last(shaped), removed }
    const short = last(shaped)
    const fits = fitting.fits(short, about)
    const go = (isFitting: boolean): Shaped | Promise<Shaped> => {
      if (isFitting) return { request: short, removed }
      if (short !== shaped) removed.pop()
      const fitted = fitting.fit(shaped, about, short)
      const finished = (each: Shaped): Shaped => {
        removed.push(...each.removed)
        return { ...each, request: last(each.request), removed }
      }
      return fitted instanceof Promise ? fitted.then((each) => finished(each)) : finished(fitted)
    }
    return fits instanceof Promise ? fits.then(go) : go(fits)
  }
}

function withMessages(
  request: GenerateRequest,
  shorten: (messages: readonly Message[]) => Shorter,
  policy: string,
  removed: { policy: string; tokens: number }[],
): GenerateRequest {
  if (request.input.kind !== 'chat') return request
  const { messages, tokens } = shorten(request.input.messages)
  if (messages === request.input.messages) return request
  removed.push({ policy, tokens })
  return { ...request, input: { kind: 'chat', messages } }
}
