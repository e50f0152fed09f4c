const names = [Buffer.from('"model":'), Buffer.from('"modelVersion":')]
/** Where the name is, it is near the beginning or the end. */
const [head, tail] = [2048, 1024]

/** The model that an answer in JSON says it comes from, without reading the answer; undefined where it is not found. */
export function answeringModel(bytes: Uint8Array): string | undefined {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (all.length <= head + tail) return modelIn(all)
  return modelIn(all.subarray(0, head)) ?? modelIn(all.subarray(-tail))
}

function modelIn(part: Buffer): string | undefined {
  for (const name of names) {
    const at = part.indexOf(name)
    if (at === -1) continue
    const value = /^\s*"([\w.:/@-]{1,200})"/.exec(part.toString('latin1', at + name.length, at + name.length + 210))
    if (value) return value[1]
  }
  return undefined
}
