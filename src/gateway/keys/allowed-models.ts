import { InferloomError } from '../../canonical/errors.ts'
import type { Caller } from '../caller.ts'
import type { Served } from '../models.ts'

/** Whether a caller may ask for a model, by the name it used, the model's own, or the model's with its provider. */
export function mayAsk({ models }: Pick<Caller, 'models'>, asked: string, served?: Served): boolean {
  if (!models) return true
  if (models.has(asked)) return true
  return served !== undefined && (models.has(served.model) || models.has(`${served.provider.name}/${served.model}`))
}

/** Throws `model_not_allowed`. */
export function refuseOthers(caller: Caller, asked: string, served: Served): void {
  if (!mayAsk(caller, asked, served)) throw refusal(caller, asked)
}

/** Says what a caller may ask for instead. */
export function refusal({ models = new Set() }: Pick<Caller, 'models'>, asked: string): InferloomError {
  const allowed = [...models]
  const shown = allowed.slice(0, 10).join(', ') + (allowed.length > 10 ? ` and ${allowed.length - 10} more` : '')
  const message = `The key may not ask for '${asked.slice(0, 200)}'. It may ask for: ${shown || 'no model'}.`
  return new InferloomError('model_not_allowed', message, { param: 'model' })
}
