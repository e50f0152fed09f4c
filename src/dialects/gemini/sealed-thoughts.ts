// https://ai.google.dev/gemini-api/docs/thought-signatures
import { z } from 'zod'
import type { Sealed } from '../../canonical/request.ts'

export const wire = 'gemini'

/** What carries thoughts from one request to the next, beside their text. */
export interface Seals {
  readonly signature?: Sealed
  readonly encrypted?: Sealed
  readonly id?: string
  /** What was signed, where the client is not shown it. */
  readonly text?: string
}

/** `inferloom` in base64: a signature is bytes, and clients in some languages decode it. */
const mark = Buffer.from('inferloom').toString('base64')

/**
 * Clients of this wire keep the `thoughtSignature` of a part and send it back unread. What another wire sealed goes
 * through it with a mark before it.
 */
export function packSeals(seals: Seals): string | undefined {
  const { signature, encrypted, id } = seals
  if (signature?.wire === wire && !encrypted) return signature.value
  if (!signature && !encrypted && id === undefined) return undefined
  return Buffer.from(`inferloom${JSON.stringify(seals)}`).toString('base64')
}

const sealed = z.object({ wire: z.string(), value: z.string() })
const packed = z.object({
  signature: sealed.exactOptional(),
  encrypted: sealed.exactOptional(),
  id: z.string().exactOptional(),
  text: z.string().exactOptional(),
})

/** What has our mark and is not what we wrote seals nothing. */
export function unpackSeals(thoughtSignature: string): Seals {
  if (!isPacked(thoughtSignature)) return { signature: { wire, value: thoughtSignature } }
  try {
    const json = Buffer.from(thoughtSignature, 'base64').toString().slice('inferloom'.length)
    return packed.safeParse(JSON.parse(json)).data ?? {}
  } catch {
    return {}
  }
}

/** Whether something is sealed that Google did not seal itself, and would refuse. */
export function isPacked(thoughtSignature: unknown): boolean {
  return typeof thoughtSignature === 'string' && thoughtSignature.startsWith(mark)
}
