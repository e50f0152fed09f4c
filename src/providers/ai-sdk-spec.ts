// What is touched here of https://github.com/vercel/ai/tree/main/packages/provider, whose packages are not ours to depend on.
import { InferloomError } from '../canonical/errors.ts'
import { isRecord } from './wire/fields.ts'

/** Where its versions differ in what they are given; what they answer is told apart by its form. */
export interface Spec {
  /** Whether the bytes or the address of a file are in an object that says which. */
  readonly taggedData: boolean
  /** Whether how much to think is an option of a call. */
  readonly reasoning: boolean
  /** Whether tools can be strict. */
  readonly strictTools: boolean
  /** Whether the length of vectors is an option of a call. */
  readonly dimensions: boolean
}

const specs: Readonly<Record<string, Spec>> = {
  v2: { taggedData: false, reasoning: false, strictTools: false, dimensions: false },
  v3: { taggedData: false, reasoning: false, strictTools: true, dimensions: false },
  v4: { taggedData: true, reasoning: true, strictTools: true, dimensions: true },
}

export interface AiSdkModel {
  readonly spec: Spec
  call(method: string, options: object): Promise<unknown>
}

export interface AiSdkProvider {
  /** Undefined where the package makes no such models. */
  model(makers: readonly string[], id: string): AiSdkModel | undefined
}

/** Makes a package's provider usable. Throws `config_invalid` where it is none, or of a version that is not known here. */
export function aiSdkProvider(made: unknown, name: string): AiSdkProvider {
  if (!isRecord(made) && typeof made !== 'function') throw invalid(name, 'makes no provider of the AI SDK')
  const makers = made as Readonly<Record<string, unknown>>
  return {
    model(wanted, id) {
      const maker = wanted.map((each) => makers[each]).find((each) => typeof each === 'function')
      if (typeof maker !== 'function') return undefined
      return usable(Reflect.apply(maker, made, [id]), name)
    },
  }
}

function usable(model: unknown, name: string): AiSdkModel {
  if (typeof model !== 'object' || model === null) throw invalid(name, 'makes no models of the AI SDK')
  const version: unknown = Reflect.get(model, 'specificationVersion')
  const spec = typeof version === 'string' && Object.hasOwn(specs, version) ? specs[version] : undefined
  if (!spec) {
    const known = Object.keys(specs).join(', ')
    throw invalid(name, `speaks version ${String(version).slice(0, 20)} of the AI SDK's specification, not ${known}`)
  }
  return {
    spec,
    async call(method, options) {
      const called: unknown = Reflect.get(model, method)
      if (typeof called !== 'function') throw invalid(name, `makes models without ${method}`)
      return (await Reflect.apply(called, model, [options])) as unknown
    },
  }
}

function invalid(name: string, what: string): InferloomError {
  const message = `providers.${name}.package ${what}. Remedy: install another version of it, or update inferloom.`
  return new InferloomError('config_invalid', message)
}
