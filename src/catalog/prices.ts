import type { Usage } from '../canonical/usage.ts'
import { hardwareCost, hourly, MachineSpeed, MachineTime, type HardwareCost } from './own-hardware.ts'
import type { Charged, Cost, PricedAgain, Prices } from './price.ts'
import type { Listed, OwnPrice } from './price-list.ts'
import { tierShare } from './tiers.ts'

type PriceList = Pick<typeof import('./price-list.ts'), 'listed' | 'ownList' | 'priced'>

export interface PriceSettings {
  /** The kind of each provider, by its name. */
  readonly kinds: ReadonlyMap<string, string>
  /** By `provider/model`, as the user states them; they go before the list's. */
  readonly own: Readonly<Record<string, OwnPrice>>
  readonly hardware: HardwareCost
  /** The list was loaded. */
  readonly onLoad?: () => void
}

export interface OpenedPrices extends Prices {
  /** Looks everything up again, because the list has changed. */
  forget(): void
}

/** Names of models are what clients and upstreams say: beyond this many the ones found are forgotten. */
const mostRemembered = 1000

/**
 * Prices from the user's configuration and from a list of what providers charge. The list is loaded when somebody is
 * first asked who may be on it, since it takes 20 MB of memory.
 */
export function openPrices(settings: PriceSettings): OpenedPrices {
  const perHour = hourly(settings.hardware)
  const speed = new MachineSpeed()
  let list: PriceList | undefined
  let loading: Promise<void> | undefined
  const remembered = new Map<string, Listed | null>()
  /** Of those, the names that were asked for by provider and the model that answered. */
  const askedAs = new Map<string, string>()
  /** What was charged for answers that a cache has a part in, by its text. */
  const byText = new Map<string, { readonly found: Listed; readonly share: number }>()

  function find(list: PriceList, { provider, model, answeredBy, at }: Charged): Listed | undefined {
    const own = [model, answeredBy].find((each) => Object.hasOwn(settings.own, `${provider}/${each}`))
    if (own !== undefined) {
      const name = `${provider}/${own}`
      const price = settings.own[name]
      return price && list.ownList(name, price)
    }
    const kind = settings.kinds.get(provider)
    if (kind === undefined) return undefined
    // The one that answered may be a name of the day that the list does not have.
    return (answeredBy !== undefined && list.listed(kind, answeredBy, at)) || list.listed(kind, model, at)
  }

  function remember(list: PriceList, charged: Charged): Listed | undefined {
    const key = `${charged.provider}/${charged.model}/${charged.answeredBy ?? ''}`
    let found = remembered.get(key)
    if (found === undefined) {
      found = find(list, charged) ?? null
      if (remembered.size >= mostRemembered) forget()
      remembered.set(key, found)
      askedAs.set(`${charged.provider}/${charged.answeredBy ?? charged.model}`, charged.model)
    }
    return found ?? undefined
  }

  function forget(): void {
    remembered.clear()
    askedAs.clear()
    byText.clear()
  }

  return {
    machine: new MachineTime(),
    prepare(provider) {
      if (provider === 'local' || list) return undefined
      loading ??= import('./price-list.ts').then(({ listed, ownList, priced }) => {
        list = { listed, ownList, priced }
        settings.onLoad?.()
      })
      return loading
    },
    cost(charged) {
      const { provider, usage, at, machineMs } = charged
      if (provider === 'local') {
        if (machineMs === undefined) return hardwareCost(perHour, speed.expected(usage))
        speed.learn(usage, machineMs)
        return hardwareCost(perHour, machineMs)
      }
      const found = list && remember(list, charged)
      if (usage.charged !== undefined && !found?.isOwn)
        return { usd: usage.charged, price: 'as charged by the provider' }
      if (!list || !found) return undefined
      const tier = usage.serviceTier ?? ''
      const share = found.tiers?.[tier] ?? tierShare(settings.kinds.get(provider) ?? '', usage.serviceTier)
      const standard = list.priced(found, usage, at)
      const cost = standard && ofTier(standard, usage, share)
      if (cost && share !== undefined && isOfCache(usage) && !byText.has(cost.price)) {
        if (byText.size >= mostRemembered) byText.clear()
        byText.set(cost.price, { found, share })
      }
      return cost
    },
    again({ provider, servedModel, price, usage, at }: PricedAgain) {
      if (provider === 'local') return hardwareCost(perHour, speed.expected(usage))
      if (!list) return undefined
      const known = price === undefined ? undefined : byText.get(price)
      const model = askedAs.get(`${provider}/${servedModel}`) ?? servedModel
      const found = known?.found ?? remember(list, { provider, model, answeredBy: servedModel, usage, at })
      const cost = found && list.priced(found, usage, at)
      return cost && { ...cost, usd: cost.usd * (known?.share ?? 1) }
    },
    contextOf(provider, model) {
      const kind = settings.kinds.get(provider)
      return kind === undefined ? undefined : list?.listed(kind, model, Date.now())?.contextTokens
    },
    forget,
  }
}

function isOfCache({ inputTokens: { cacheRead, cacheWrite = 0 } }: Usage): boolean {
  return cacheRead > 0 || cacheWrite > 0
}

function ofTier({ usd, price }: Cost, { serviceTier }: Usage, share: number | undefined): Cost | undefined {
  if (share === undefined) return undefined
  return share === 1 ? { usd, price } : { usd: usd * share, price: `${price}, ${serviceTier} × ${share}` }
}
