import { z } from 'zod'
import type { Sealed } from '../../canonical/request.ts'

/** What thoughts carry that only their provider can read. */
export interface SealedThoughts {
  readonly signature?: Sealed
  readonly encrypted?: Sealed
  /** What was signed: not every client sends back what it was shown. */
  readonly text?: string
  /** Of the tool call that comes next. */
  readonly call?: Sealed
}

const wire = 'openai-responses'
const mark = 'inferloom.'

/**
 * `encrypted_content` is the one field that clients of this wire keep and send back unread. What another wire sealed
 * goes through it with a mark before it; what this wire sealed goes through it as it is.
 */
export function packThoughts({ text, ...seals }: SealedThoughts): string | undefined {
  const { signature, encrypted, call } = seals
  if (!signature && !encrypted && !call) return undefined
  if (encrypted?.wire === wire && !signature && !call) return encrypted.value
  const packed = { ...seals, ...(signature && text !== undefined && { text }) }
  return mark + Buffer.from(JSON.stringify(packed)).toString('base64url')
}

const sealed = z.object({ wire: z.string(), value: z.string() })
const packed = z.object({
  signature: sealed.exactOptional(),
  encrypted: sealed.exactOptional(),
  text: z.string().exactOptional(),
  call: sealed.exactOptional(),
})

/** Undefined where the text has our mark and is not what we wrote. */
export function unpackThoughts(text: string): SealedThoughts | undefined {
  if (!text.startsWith(mark)) return { encrypted: { wire, value: text } }
  try {
    return packed.safeParse(JSON.parse(Buffer.from(text.slice(mark.length), 'base64url').toString())).data
  } catch {
    return undefined
  }
}
