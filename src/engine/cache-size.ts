/** Cells of the KV cache that one model takes at most beyond those of one request: few requests fill their context. */
export const mostCells = 32_768

/**
 * From heads of this size on the fused attention kernel is the faster one on a processor, and attention scores are not
 * kept in memory; below it is the slower (docs/benchmarks.md).
 */
export const fusedHeadSize = 64
