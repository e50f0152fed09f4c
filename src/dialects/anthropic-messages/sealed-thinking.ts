import { z } from 'zod'
import type { ReasoningBlock, Sealed } from '../../canonical/request.ts'

export const wire = 'anthropic-messages'

const mark = 'inferloom.'

/** What other wires want back with the thoughts of a model. */
export interface ForeignSeals {
  readonly id?: string
  readonly signature?: Sealed
  readonly encrypted?: Sealed
  /** Of the tool call that comes next. */
  readonly call?: Sealed
}

/**
 * Clients of this wire keep the `signature` of a thinking block and send it back unread. What another wire sealed goes
 * through it with a mark before it.
 */
export function packSeals(seals: ForeignSeals): string {
  return mark + Buffer.from(JSON.stringify(seals)).toString('base64url')
}

const sealed = z.object({ wire: z.string(), value: z.string() })
const packed = z.object({
  id: z.string().exactOptional(),
  signature: sealed.exactOptional(),
  encrypted: sealed.exactOptional(),
  call: sealed.exactOptional(),
})

function unpackSeals(signature: string): ForeignSeals {
  try {
    return packed.safeParse(JSON.parse(Buffer.from(signature.slice(mark.length), 'base64url').toString())).data ?? {}
  } catch {
    // It has our mark and is not what we wrote: it seals nothing.
    return {}
  }
}

/** A thinking block as a client sent it back, and the seal of the tool call after it where there is one. */
export function sealedBlock(text: string, signature: string): { block: ReasoningBlock; call?: Sealed } {
  if (signature === '') return { block: { text } }
  if (!signature.startsWith(mark)) return { block: { text, signature: { wire, value: signature } } }
  const { call, ...seals } = unpackSeals(signature)
  return { block: { text, ...seals }, ...(call && { call }) }
}

/** Whether a thinking block says something that Anthropic did not seal itself, and would refuse. */
export function isForeign(signature: unknown): boolean {
  return typeof signature !== 'string' || signature === '' || signature.startsWith(mark)
}
