import { InferloomError } from '../canonical/errors.ts'
import type { ModelInfo, Provider } from '../providers/provider.ts'

/** A model with whoever serves it. */
export interface Served {
  readonly provider: Provider
  /** As the provider calls it. */
  readonly model: string
  /** For people: what made this the one. */
  readonly why?: string
}

export interface ModelsOptions {
  /** Their models go by their own names, and win them. */
  readonly local: readonly Provider[]
  /** Their models are `provider/model`; the short name does where no other provider has a model of that name. */
  readonly remote: readonly Provider[]
}

/** Names are looked up in an index that is this old at most, in milliseconds: a folder is read to make it. */
const oldest = 1000
/** Names that a message lists. */
const mostShown = 20
/** Names of models that no list has, and how long they are at most: of more, all are forgotten. */
const mostNamed = 1000
const longestNamed = 300

/** Which provider serves which model. */
export class Models {
  readonly #options: ModelsOptions
  readonly #remote: ReadonlyMap<string, Provider>
  /** What each provider listed when the index was made: lists that are still the same ones need no new index. */
  #listed: readonly (readonly ModelInfo[])[] = []
  /** Several where the name says too little. */
  #byName: ReadonlyMap<string, Served | readonly Served[]> = new Map()
  #madeAt = -Infinity
  /** Models that no list has, as clients named them. */
  readonly #named = new Map<string, Served>()
  #infos: ReadonlyMap<string, ModelInfo> = new Map()
  #infosAt = -Infinity

  constructor(options: ModelsOptions) {
    this.#options = options
    this.#remote = new Map(options.remote.map((provider) => [provider.name, provider]))
  }

  /** Local ones first, each under its full name. */
  list(): ModelInfo[] {
    const { local, remote } = this.#options
    return [
      ...local.flatMap((provider) => provider.models()),
      ...remote.flatMap((provider) =>
        provider.models().map((model) => ({ ...model, id: `${provider.name}/${model.id}` })),
      ),
    ]
  }

  /** Throws `model_not_found` with some of those that are known, and `model_ambiguous` with the names to choose from. */
  find(name: string): Served {
    if (performance.now() - this.#madeAt > oldest) this.#makeIndex()
    const found = this.#byName.get(name) ?? this.#unlisted(name) ?? this.#lookAgain(name)
    if (!found) throw this.#notFound(name)
    if ('provider' in found) return found
    const names = found.map(({ provider, model }) => `${provider.name}/${model}`)
    const message = `Several providers serve a model '${name}'. Remedy: name one of ${shown(names)}.`
    throw new InferloomError('model_ambiguous', message, { param: 'model' })
  }

  /** The same without an error: undefined where `find` would throw one. */
  peek(name: string): Served | undefined {
    if (performance.now() - this.#madeAt > oldest) this.#makeIndex()
    const found = this.#byName.get(name) ?? this.#unlisted(name)
    return found && 'provider' in found ? found : undefined
  }

  /** What is said of a listed model under its full name, as it was a moment ago: for whoever asks for each request. */
  glance(fullName: string): ModelInfo | undefined {
    if (performance.now() - this.#infosAt > oldest) {
      this.#infosAt = performance.now()
      this.#infos = new Map(this.list().map((info) => [info.id, info]))
    }
    return this.#infos.get(fullName)
  }

  /** What is said of a model, under the name that was asked for. */
  describe(name: string): ModelInfo {
    const { provider, model } = this.find(name)
    const listed = provider.models().find(({ id }) => id === model)
    return listed ? { ...listed, id: name } : { id: name, ownedBy: provider.name, created: 0 }
  }

  /** A model may be newer than its provider's list. The same one each time, for whoever keeps something of it. */
  #unlisted(name: string): Served | undefined {
    const known = this.#named.get(name)
    if (known) return known
    const provider = this.#providerIn(name)
    if (!provider) return undefined
    const served = { provider, model: name.slice(provider.name.length + 1), why: 'named with its provider' }
    if (name.length > longestNamed) return served
    if (this.#named.size >= mostNamed) this.#named.clear()
    this.#named.set(name, served)
    return served
  }

  /** Whom a name begins with, where it may be asked for models that it does not list. */
  #providerIn(name: string): Provider | undefined {
    const slash = name.indexOf('/')
    const provider = slash > 0 ? this.#remote.get(name.slice(0, slash)) : undefined
    return provider?.acceptsUnlisted && slash < name.length - 1 ? provider : undefined
  }

  /** A model that was pulled a moment ago is not in the index yet. */
  #lookAgain(name: string): Served | readonly Served[] | undefined {
    this.#makeIndex()
    return this.#byName.get(name)
  }

  #makeIndex(): void {
    this.#madeAt = performance.now()
    const { local, remote } = this.#options
    const providers = [...remote, ...local]
    const listed = providers.map((provider) => provider.models())
    if (listed.length === this.#listed.length && listed.every((list, index) => list === this.#listed[index])) return
    this.#listed = listed
    const served = providers.flatMap((provider, index) =>
      (listed[index] ?? []).map(({ id }) => ({ provider, model: id })),
    )
    const isRemote = ({ provider }: Served) => this.#remote.get(provider.name) === provider
    // A name that begins with a provider's is that provider's, whatever others call theirs.
    const short = served.filter((each) => isRemote(each) && !this.#providerIn(each.model))
    this.#byName = new Map<string, Served | readonly Served[]>([
      ...[...Map.groupBy(short, ({ model }) => model)].map(
        ([name, all]) =>
          [name, all.length === 1 && all[0] ? { ...all[0], why: 'the only provider with that model' } : all] as const,
      ),
      ...served
        .filter(isRemote)
        .map((each) => [`${each.provider.name}/${each.model}`, { ...each, why: 'named with its provider' }] as const),
      ...served
        .filter((each) => !isRemote(each))
        .map((each) => [each.model, { ...each, why: 'a local model of that name' }] as const),
    ])
  }

  #notFound(name: string): InferloomError {
    const known = this.list().map(({ id }) => id)
    const provider = name.slice(0, Math.max(0, name.indexOf('/')))
    const like = this.#remote.has(provider) ? known.filter((id) => id.startsWith(`${provider}/`)) : known
    const message = `There is no model '${name.slice(0, 200)}'. Known: ${shown(like) || 'none'}.`
    return new InferloomError('model_not_found', message, { param: 'model' })
  }
}

function shown(names: readonly string[]): string {
  return (
    names.slice(0, mostShown).join(', ') + (names.length > mostShown ? ` and ${names.length - mostShown} more` : '')
  )
}
