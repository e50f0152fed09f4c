import { InferloomError } from '../../canonical/errors.ts'
import type { Excluded } from './plan.ts'
import type { Route } from './routes.ts'

/** Lines that a message lists. */
const mostShown = 12

/** Says of each candidate of a route why it cannot answer. */
export function noCandidate(
  { name, candidates, isBuiltin }: Pick<Route, 'name' | 'candidates' | 'isBuiltin'>,
  excluded: readonly Excluded[],
): InferloomError {
  const shown = excluded.slice(0, mostShown).map(({ id, why }) => `${id} ${why}`)
  const more = excluded.length > mostShown ? `; and ${excluded.length - mostShown} more` : ''
  const orElse = isBuiltin ? 'use a route of your own' : `set routes.${name}.bestEffort`
  const message = `None of the ${candidates.length} candidates of ${name} can do what is asked: ${shown.join('; ')}${more}. Remedy: ask for less, or ${orElse}.`
  return new InferloomError('no_candidate', message, { param: 'model' })
}
