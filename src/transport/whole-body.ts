import type { UpstreamReply } from './exchange.ts'

/** Bytes of an answer that is not a stream. */
const largestBody = 64 * 1024 * 1024

/** All of a body; throws `UnreadableStream` where it is larger than 64 MB. */
export function wholeBody(reply: UpstreamReply): Promise<Buffer> {
  return reply.whole(largestBody)
}

/** The beginning of a body as text; what is beyond `most` bytes is not waited for. */
export async function beginningOf({ body }: UpstreamReply, most: number): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const batch of body) {
    for (const piece of batch) {
      pieces.push(piece)
      size += piece.length
    }
    if (size >= most) break
  }
  return Buffer.concat(pieces).subarray(0, most).toString()
}
