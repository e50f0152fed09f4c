import { InferloomError } from '../../canonical/errors.ts'
import { show } from '../parse-body.ts'

/** For what only Anthropic itself can do. */
export function refused(param: string, value: unknown, remedy: string): InferloomError {
  const message = `${param} = ${show(value)} is not supported here. Remedy: ${remedy}.`
  return new InferloomError('unsupported_parameter', message, { param })
}
