import { InferloomError } from '../../canonical/errors.ts'

/** Brings a vector to length 1 (L2), which not every model does by itself. A vector of zeros stays one. */
export function unitVector(values: ArrayLike<number>): Float32Array {
  const vector = values instanceof Float32Array ? values : Float32Array.from(values)
  const length = Math.sqrt(vector.reduce((sum, each) => sum + each * each, 0))
  if (!Number.isFinite(length)) {
    throw new InferloomError('provider_invalid_reply', 'The provider sent a vector that is not of numbers.')
  }
  // What is 1 already, but for rounding, stays as it was sent.
  return length === 0 || Math.abs(length - 1) < 1e-3 ? vector : vector.map((each) => each / length)
}
