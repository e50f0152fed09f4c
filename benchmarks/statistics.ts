/** The middle value; of an even count, the mean of the middle two. Throws on none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  if (upper === undefined || lower === undefined) throw new Error('there is no median of no values')
  return (lower + upper) / 2
}

/**
 * Measures every arm once per repetition, each time beginning with another, so that whatever slows the machine
 * for a while slows all of them. The result holds one list of values per arm, in the order of the arms.
 */
export async function interleaved<Arm, Value>(
  arms: readonly Arm[],
  repetitions: number,
  measure: (arm: Arm, repetition: number) => Promise<Value>,
): Promise<Value[][]> {
  const values: Value[][] = arms.map(() => [])
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (let turn = 0; turn < arms.length; turn++) {
      const index = (turn + repetition) % arms.length
      values[index]?.push(await measure(arms[index] as Arm, repetition))
    }
  }
  return values
}
