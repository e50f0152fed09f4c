import { openPrices, type OpenedPrices } from '../catalog/prices.ts'
import type { Config } from '../config/schema.ts'
import { PriceUpdates } from './price-updates.ts'
import type { OpenedProvider } from './providers.ts'

export interface ServerPrices extends OpenedPrices {
  close(): Promise<void>
}

interface Parts {
  readonly config: Config
  readonly home: string
  readonly opened: readonly OpenedProvider[]
  readonly onTrouble: (error: unknown) => void
}

/** Prices as the configuration has them, kept up to date from when the list is first needed. */
export function openServerPrices({ config, home, opened, onTrouble }: Parts): ServerPrices {
  const { models: own, update, url } = config.prices
  const updates = update ? new PriceUpdates({ home, url, onTrouble, onChange: () => prices.forget() }) : undefined
  const prices = openPrices({
    kinds: new Map(opened.map(({ provider, kind }) => [provider.name, kind])),
    own,
    hardware: config.hardware,
    onLoad: () => void updates?.start(),
  })
  return { ...prices, close: async () => await updates?.close() }
}
