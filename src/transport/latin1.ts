/**
 * Bytes as a text with a character for each of them: where names are sought and little is changed, a text is several
 * times cheaper than a `Buffer`, each call of which leaves JavaScript. What is not ASCII is to be decoded by whoever
 * reads it.
 */
export function latin1(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1')
}

/** The same bytes, with the methods of a `Buffer`. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
