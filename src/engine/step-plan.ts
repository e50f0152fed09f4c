import type { StepCost } from './step-cost.ts'
import type { Ticket } from './ticket.ts'
import { agedPriority } from './waiting-list.ts'

/** One who was paused for this long takes part in the next step, whoever else is there. */
const longestPauseMs = 1000
/** A chunk smaller than this costs more in steps than it spares in gaps. */
const smallestChunk = 64

export interface PlanOptions {
  readonly decodeCost: StepCost
  readonly promptCost: StepCost
  readonly parallel: number
  /** Whether each prompt is evaluated in a piece of its own anyway. */
  readonly streams: boolean
  readonly batchTokens: number
  readonly prefillChunkTokens: number
  readonly targetGapMs: number
}

export interface StepPlan {
  readonly decoding: readonly Ticket[]
  /** Prompt tokens that each of these may have evaluated. */
  readonly chunks: ReadonlyMap<Ticket, number>
}

/**
 * Who takes part in the next evaluation. While someone's first token is waited for, those that matter less pause, with
 * everything they have in the cache; those that matter as much go on, beside chunks small enough for their gaps.
 */
export function planStep(running: Iterable<Ticket>, now: number, options: PlanOptions): StepPlan {
  const { parallel } = options
  const everyone = allDecode(running, parallel)
  if (everyone) return { decoding: everyone, chunks: noChunks }
  const all = [...running].map((ticket) => ({ ticket, priority: agedPriority(ticket, now) }))
  all.sort((a, b) => a.priority - b.priority || a.ticket.arrivedAt - b.ticket.arrivedAt)
  const prefilling = all.filter(({ ticket }) => !ticket.decoding)
  const mostUrgent = prefilling[0]?.priority ?? Infinity
  const starved = ({ lastStepAt }: Ticket) => now - lastStepAt > longestPauseMs
  const decoding: Ticket[] = []
  let rows = 0
  const wantsStep = all.filter(({ ticket }) => ticket.decoding)
  for (const { ticket, priority } of [
    ...wantsStep.filter((each) => starved(each.ticket)),
    ...wantsStep.filter((each) => !starved(each.ticket)),
  ]) {
    if (priority > mostUrgent && !starved(ticket)) continue
    if (rows + ticket.openChoices > parallel) continue
    rows += ticket.openChoices
    decoding.push(ticket)
  }
  let room = options.batchTokens - rows
  if (rows > 0) room = Math.min(room, chunkBeside(rows, options))
  const chunks = new Map<Ticket, number>()
  let taken = 0
  for (const { ticket } of prefilling) {
    const chunk = Math.min(room, ticket.context.length - ticket.evaluated)
    if (chunk < 1) break
    chunks.set(ticket, chunk)
    room -= chunk
    taken += chunk
    // In pieces of their own, prompts gain nothing from each other's company: the first need not wait for the last.
    if (options.streams && taken >= smallestChunk) break
  }
  return { decoding, chunks }
}

const noChunks: StepPlan['chunks'] = new Map()

/** Most steps: everyone decodes and there is room for all, whatever their priorities. */
function allDecode(running: Iterable<Ticket>, parallel: number): Ticket[] | undefined {
  const all: Ticket[] = []
  let rows = 0
  for (const ticket of running) {
    if (!ticket.decoding) return undefined
    rows += ticket.openChoices
    all.push(ticket)
  }
  return rows <= parallel ? all : undefined
}

/** Prompt tokens that fit into a step beside decoding ones without making them wait longer than they should. */
function chunkBeside(rows: number, { decodeCost, promptCost, targetGapMs, prefillChunkTokens }: PlanOptions): number {
  const { perToken } = promptCost
  if (perToken === 0) return prefillChunkTokens
  const spare = (targetGapMs - decodeCost.of(rows)) / perToken
  return Math.min(prefillChunkTokens, Math.max(smallestChunk, Math.floor(spare)))
}
