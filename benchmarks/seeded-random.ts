export { seededRandom } from '../src/bench/seeded-random.ts'

/** One of a list. Throws when the list is empty. */
export function pick<T>(random: () => number, list: readonly T[]): T {
  const picked = list[Math.floor(random() * list.length)]
  if (picked === undefined) throw new Error('there is nothing to pick from')
  return picked
}
