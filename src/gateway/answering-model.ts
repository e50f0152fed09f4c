const names = ['"model":', '"modelVersion":']
/** Where the name is, it is near the beginning or the end. */
const [head, tail] = [2048, 1024]
const value = /\s*"([\w.:/@-]{1,200})"/y

/** The model that an answer in JSON says it comes from, without reading the answer; undefined where it is not found. */
export function answeringModel(bytes: Uint8Array): string | undefined {
  if (bytes.length <= head + tail) return modelIn(textOf(bytes))
  return modelIn(textOf(bytes.subarray(0, head))) ?? modelIn(textOf(bytes.subarray(-tail)))
}

function modelIn(text: string): string | undefined {
  for (const name of names) {
    const at = text.indexOf(name)
    if (at === -1) continue
    value.lastIndex = at + name.length
    const found = value.exec(text)
    if (found) return found[1]
  }
  return undefined
}

/** A character for each byte: names are sought far more cheaply in a text than in bytes. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
