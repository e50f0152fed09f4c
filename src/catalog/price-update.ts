import { updatePrices, type Provider } from '@pydantic/genai-prices'
import { z } from 'zod'

const amount = z.number().min(0).max(1_000_000)
const perUnit = z.record(
  z.string(),
  z.union([amount, z.object({ base: amount, tiers: z.array(z.object({ start: z.number().min(0), price: amount })) })]),
)
const model = z.looseObject({
  id: z.string(),
  match: z.looseObject({}),
  prices: z.union([perUnit, z.array(z.looseObject({ prices: perUnit }))]),
})
const list = z.array(z.looseObject({ id: z.string(), name: z.string(), models: z.array(model) })).min(10)

/** Where the list of prices is kept up to date: https://github.com/pydantic/genai-prices */
export function newestListUrl(): string {
  let url = ''
  updatePrices(({ remoteDataUrl }) => (url = remoteDataUrl))
  return url
}

/** Puts another list in the place of the one that is used; throws, and changes nothing, where the text is none. */
export function replaceList(text: string): void {
  const providers = list.parse(JSON.parse(text)) as unknown as Provider[]
  updatePrices(({ setProviderData }) => setProviderData(providers))
}
