import type { Choice } from './choosing.ts'
import { standingOf, type Wanted } from './fitness.ts'
import type { Objective } from './plan.ts'

/** Milliseconds after which what is known of a candidate's times may be over. */
export const freshMs = 60_000
/** After so many, nothing of it is believed. */
const forgottenMs = 600_000

/** Of candidates that were never asked, so many times the share: each is one only once. */
const whileNew = 5

interface Exploring {
  readonly objective: Objective
  readonly wanted: Wanted
  readonly now: number
  /** The share of requests that may be spent on it. */
  readonly share: number
  readonly random: () => number
}

/**
 * Now and then one of whose times nothing is known goes first, or nothing would ever be known of it: only where knowing
 * it could change whom is asked, and not where the request would be late by what was known of it lately.
 */
export function explored(choices: readonly Choice[], asked: Exploring): readonly Choice[] {
  const { wanted, objective, now, share, random } = asked
  const [first] = choices
  // Where nothing is known of the first either, it is explored anyway.
  if (!first || first.seenAt === -Infinity || share === 0) return choices
  const isTimed = wanted.deadlineMs !== undefined || wanted.latencyMs !== undefined || wanted.ttftMs !== undefined
  if (!isTimed && objective !== 'fastest' && objective !== 'balanced') return choices
  const drawn = random()
  if (drawn >= share * (isTimed ? 1 : whileNew)) return choices
  const worth = choices.filter((each) => {
    if (drawn >= share && each.seenAt !== -Infinity) return false
    if (each === first || !each.isAllowed || now - each.seenAt < freshMs || !wouldGoFirst(each, first, objective)) {
      return false
    }
    return now - each.seenAt >= forgottenMs || standingOf(each.planned.prediction, wanted) < 3
  })
  const one = worth[Math.floor(random() * worth.length)]
  return one ? [one, ...choices.filter((each) => each !== one)] : choices
}

/** Whether it would, if it were in time. */
function wouldGoFirst(choice: Choice, first: Choice, objective: Objective): boolean {
  const [own, other] = [choice.planned.prediction, first.planned.prediction]
  if (objective === 'cheapest') return (own?.cost ?? Infinity) < (other?.cost ?? Infinity)
  if (objective === 'best') return choice.quality > first.quality
  if (objective === 'ordered') return choice.position < first.position
  return true
}
