import { z } from 'zod'
import type { Sealed } from '../../canonical/request.ts'

/** What thoughts carry that only their provider can read. */
export interface SealedThoughts {
  readonly signature?: Sealed
  readonly encrypted?: Sealed
  /** The provider's own: what it encrypted it reads under no other. */
  readonly id?: string
  /** What was signed: not every client sends back what it was shown. */
  readonly text?: string
  /** Of the tool call that comes next. */
  readonly call?: Sealed
}

const wire = 'openai-responses'
const mark = 'inferloom.'

/**
 * `encrypted_content` is the one field that clients of this wire keep and send back unread: what any wire sealed goes
 * through it, with a mark before it.
 */
export function packThoughts({ text, ...seals }: SealedThoughts): string | undefined {
  const { signature, encrypted, call } = seals
  if (!signature && !encrypted && !call) return undefined
  const packed = { ...seals, ...(signature && text !== undefined && { text }) }
  return mark + Buffer.from(JSON.stringify(packed)).toString('base64url')
}

const sealed = z.object({ wire: z.string(), value: z.string() })
const packed = z.object({
  signature: sealed.exactOptional(),
  encrypted: sealed.exactOptional(),
  id: z.string().exactOptional(),
  text: z.string().exactOptional(),
  call: sealed.exactOptional(),
})

export function isPacked(text: unknown): boolean {
  return typeof text === 'string' && text.startsWith(mark)
}

/** Undefined where the text has our mark and is not what we wrote. */
export function unpackThoughts(text: string): SealedThoughts | undefined {
  if (!isPacked(text)) return { encrypted: { wire, value: text } }
  try {
    return packed.safeParse(JSON.parse(Buffer.from(text.slice(mark.length), 'base64url').toString())).data
  } catch {
    return undefined
  }
}
