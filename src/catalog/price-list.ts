import { calcPrice, findProvider, type ModelInfo, type Provider } from '@pydantic/genai-prices'
import type { Usage } from '../canonical/usage.ts'
import type { Cost } from './price.ts'

/** US dollars per million tokens, or per request. */
export interface OwnPrice {
  readonly input: number
  readonly output: number
  /** Input that was read from a cache. Default: as other input. */
  readonly cachedInput?: number | undefined
  /** Input that was written to a cache, and what is kept for an hour. Default: as other input. */
  readonly cacheWrite?: number | undefined
  readonly cacheWriteHour?: number | undefined
  readonly request?: number | undefined
  /** What a tier costs of it, by the provider's word for the tier. */
  readonly tiers?: Readonly<Record<string, number>> | undefined
}

export interface Listed {
  readonly provider: Provider
  readonly name: string
  readonly tiers?: Readonly<Record<string, number>> | undefined
  /** Whether the user stated it, which is believed more than what a provider says. */
  readonly isOwn?: boolean
  /** Of prompt and answer together. */
  readonly contextTokens?: number | undefined
}

const anyName = { starts_with: '' }

/** What the list calls a kind of provider that is called otherwise here. */
const listNames: Readonly<Record<string, string>> = {
  'amazon-bedrock': 'aws',
  'azure-openai': 'azure',
  vertex: 'google',
  xai: 'x-ai',
  moonshot: 'moonshotai',
}

/** The list with one model in it, so that an answer's price is found once and not for every answer. */
export function listed(kind: string, model: string, at: number): Listed | undefined {
  const id = listNames[kind] ?? kind
  // The library takes a name it does not know for part of another one's.
  const known = findProvider({ providerId: id })
  if (known?.id !== id) return undefined
  const found = calcPrice({ input_tokens: 0 }, model, { provider: known, timestamp: new Date(at) })
  if (!found) return undefined
  const models = [{ ...found.model, match: anyName }]
  return {
    provider: { ...found.provider, models },
    name: `${id} ${found.model.id}`,
    contextTokens: found.model.context_window,
  }
}

/** A list of one model whose price the user states. */
export function ownList(name: string, price: OwnPrice): Listed {
  const prices: Record<string, number> = { input_mtok: price.input, output_mtok: price.output }
  if (price.cachedInput !== undefined) prices['cache_read_mtok'] = price.cachedInput
  const write = price.cacheWrite ?? (price.cacheWriteHour === undefined ? undefined : price.input)
  if (write !== undefined) prices['cache_write_mtok'] = write
  if (price.cacheWriteHour !== undefined) prices['cache_write_1h_mtok'] = price.cacheWriteHour
  if (price.request !== undefined) prices['requests_kcount'] = price.request * 1000
  const model: ModelInfo = { id: name, match: anyName, prices }
  return {
    provider: { id: 'own', name: 'own', api_pattern: '^$', models: [model] },
    name: `${name} as configured`,
    tiers: price.tiers,
    isOwn: true,
  }
}

/** Undefined where the list cannot tell: another model than it has, or counts that it has no price for. */
export function priced(list: Listed, usage: Usage, at: number): Cost | undefined {
  return pricedFlat(list, usage) ?? pricedByLibrary(list, usage, at)
}

/** Of a model whose prices are the same at all times and for all lengths, which is nearly every one. */
interface FlatPrices {
  readonly input: number
  readonly cacheRead: number
  readonly output: number
  readonly request: number
  readonly hasOwnReasoning: boolean
  readonly text: string
}

/** Null: those that are not flat. */
const flatPrices = new WeakMap<Listed, FlatPrices | null>()

/** What the library comes to after a tenth of a request's time, for an answer of text; undefined for all others. */
function pricedFlat(list: Listed, { inputTokens, outputTokens, counts }: Usage): Cost | undefined {
  const { total, cacheRead, cacheWrite, cacheWriteHour, audio, image } = inputTokens
  if (cacheWrite || cacheWriteHour || audio || image || outputTokens.audio || counts) return undefined
  let flat = flatPrices.get(list)
  if (flat === undefined) flatPrices.set(list, (flat = flatPricesOf(list)))
  if (!flat || (flat.hasOwnReasoning && outputTokens.reasoning > 0)) return undefined
  const read = Math.min(cacheRead, total)
  const input = (flat.input * (total - read)) / 1e6 + (flat.cacheRead * read) / 1e6
  return { usd: input + (flat.output * outputTokens.total) / 1e6 + flat.request / 1000, price: flat.text }
}

function flatPricesOf({ provider, name }: Listed): FlatPrices | null {
  const prices = provider.models[0]?.prices
  if (!prices || Array.isArray(prices)) return null
  const { input_mtok: input, output_mtok: output, requests_kcount: request = 0 } = prices
  const { cache_read_mtok: cacheRead = input, output_reasoning_mtok: reasoning } = prices
  const areNumbers = [input, output, cacheRead, request].every((each) => typeof each === 'number')
  if (!areNumbers || Object.values(prices).some((each) => typeof each === 'object')) return null
  return {
    input: input as number,
    cacheRead: cacheRead as number,
    output: output as number,
    request: request as number,
    hasOwnReasoning: reasoning !== undefined,
    text: shownPrice(name, prices),
  }
}

function pricedByLibrary({ provider, name }: Listed, usage: Usage, at: number): Cost | undefined {
  try {
    const found = calcPrice(countsOf(usage), '', { provider, timestamp: new Date(at) })
    return found ? { usd: found.total_price, price: shownPrice(name, found.model_price) } : undefined
  } catch {
    // It throws where one token belongs to two prices at once, such as cached sound, and there is none for both.
    return undefined
  }
}

/** Every token is in one total and may be in a part of it; parts larger than their total are an upstream's mistake. */
function countsOf({ inputTokens, outputTokens, counts = {} }: Usage): Record<string, number> {
  const { billed_input_tokens: billedInput, billed_output_tokens: billedOutput, web_search: searches = 0 } = counts
  // Cohere charges for fewer than it reads: https://docs.cohere.com/docs/how-does-cohere-pricing-work
  if (billedInput !== undefined) return { input_tokens: billedInput, output_tokens: billedOutput ?? 0 }
  const { total, cacheRead, cacheWrite = 0, cacheWriteHour = 0, audio = 0, image = 0 } = inputTokens
  const read = Math.min(cacheRead, total)
  const written = Math.min(Math.max(cacheWrite, cacheWriteHour), total - read)
  const given: Record<string, number> = { input_tokens: total, output_tokens: outputTokens.total }
  // Without a loop over names: this is done for every answer.
  if (read > 0) given['cache_read_tokens'] = read
  if (written > 0) given['cache_write_tokens'] = written
  if (cacheWriteHour > 0 && written > 0) given['cache_write_1h_tokens'] = Math.min(cacheWriteHour, written)
  if (audio > 0) given['input_audio_tokens'] = Math.min(audio, total)
  if (image > 0) given['input_image_tokens'] = Math.min(image, total)
  const { reasoning, audio: spoken = 0 } = outputTokens
  if (reasoning > 0) given['output_reasoning_tokens'] = Math.min(reasoning, outputTokens.total)
  if (spoken > 0) given['output_audio_tokens'] = Math.min(spoken, outputTokens.total)
  if (searches > 0) given['web_searches'] = searches
  return given
}

/** By the list's own objects, of which each price has one as long as the list is the same. */
const shownPrices = new WeakMap<object, string>()

function shownPrice(name: string, prices: Readonly<Record<string, unknown>>): string {
  const known = shownPrices.get(prices)
  if (known !== undefined) return known
  const text = `${name}: ${shown(prices)}`
  shownPrices.set(prices, text)
  return text
}

/** `input 2.5, cache_read 1.25, output 10 $/M` */
function shown(prices: Readonly<Record<string, unknown>>): string {
  const perMillion = Object.entries(prices)
    .filter(([name]) => name.endsWith('_mtok'))
    .map(([name, price]) => `${name.slice(0, -'_mtok'.length)} ${amount(price)}`)
  return `${perMillion.join(', ')} $/M`
}

function amount(price: unknown): string {
  if (typeof price === 'number') return String(price)
  const { base, tiers } = price as {
    readonly base: number
    readonly tiers: readonly { start: number; price: number }[]
  }
  return [base, ...tiers.map((tier) => `${tier.price} above ${tier.start}`)].join(' or ')
}
