import { InferloomError } from '../../canonical/errors.ts'

/** The error that an event or an answer holds, by what its reader throws; one that cannot be read is an error all the same. */
export function errorThrownBy(read: () => unknown): { readonly error?: InferloomError } {
  try {
    read()
    return {}
  } catch (error) {
    if (error instanceof InferloomError) return { error }
    return { error: new InferloomError('provider_failed', 'The provider reported an error that cannot be read.') }
  }
}
