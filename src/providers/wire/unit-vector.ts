/** Brings a vector to length 1 (L2), which not every model does by itself. A vector of zeros stays one. */
export function unitVector(values: ArrayLike<number>): Float32Array {
  const vector = Float32Array.from(values)
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}
