/** English text has about four bytes a token, and others have longer tokens in bytes. */
const bytesPerToken = 4
/** Of an image, a sound or a file, whose size says little: about what an image of ordinary size takes. */
const tokensPerFile = 1600
/** Longer runs of the characters of base64 are no text but a file. */
const longestWord = 2000
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
  // A run that is long enough has a character at one of these places: what lies between need not be looked at.
  for (let at = 0; at < body.length; at += longestWord) {
    if (!isOfFile(body.charCodeAt(at))) continue
    let start = at
    while (start > 0 && isOfFile(body.charCodeAt(start - 1))) start--
    let end = at + 1
    while (end < body.length && isOfFile(body.charCodeAt(end))) end++
    if (end - start >= longestWord) {
      files++
      fileBytes += end - start
      at = end - longestWord
    }
  }
  const tokens = Math.ceil((Buffer.byteLength(body) - fileBytes) / bytesPerToken) + files * tokensPerFile
  return Math.min(tokens, mostInput)
}

/** Letters, digits and the others of both alphabets of base64. */
function isOfFile(code: number): boolean {
  if (code >= 97) return code <= 122
  if (code >= 65) return code <= 90 || code === 95
  return (code >= 47 && code <= 57) || code === 43 || code === 45
}
