/** English text has about four bytes a token, and others have longer tokens in bytes. */
const bytesPerToken = 4
/** Of an image, a sound or a file, whose size says little: about what an image of ordinary size takes. */
const tokensPerFile = 1600
/** Longer runs of these characters are no text but a file. Looking back keeps the search from beginning within a run. */
const base64 = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{2000,}={0,2}/g
/** Shorter bodies are counted as they are. */
const shortBody = 16_384
/** Of the input: no model reads more. */
const mostInput = 10_000_000

/** About how many tokens the input of a request has, from its body as it was sent. */
export function estimateInput(body: string | undefined): number {
  if (body === undefined) return tokensPerFile
  if (body.length < shortBody) return Math.ceil(Buffer.byteLength(body) / bytesPerToken)
  let files = 0
  let fileBytes = 0
  for (const { 0: run } of body.matchAll(base64)) {
    files++
    fileBytes += run.length
  }
  const tokens = Math.ceil((Buffer.byteLength(body) - fileBytes) / bytesPerToken) + files * tokensPerFile
  return Math.min(tokens, mostInput)
}
