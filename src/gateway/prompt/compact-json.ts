/**
 * A JSON text without the blanks between its parts: every string, number and name is kept to the letter, in its order,
 * also names that are there twice. Undefined where a text is no JSON object or array, or has none to lose.
 */
export function compactJson(text: string): string | undefined {
  const first = /^[\s]*([[{])/.exec(text)?.[1]
  if (first === undefined || !/[ \t\n\r]/.test(text)) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const kept: string[] = []
  let from = 0
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = behindString(text, at)
    else if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) {
      if (at > from) kept.push(text.slice(from, at))
      from = ++at
    } else at++
  }
  kept.push(text.slice(from))
  const compact = kept.join('')
  return compact.length < text.length ? compact : undefined
}

function behindString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return at + 1
    at += code === 0x5c ? 2 : 1
  }
  return at
}
