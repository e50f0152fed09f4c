// Pieces of llama.cpp's grammar notation: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md

export function literal(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
}

/** A grammar whose rules carry a name of their own, so that it can be part of another: its root is `<prefix>root`. */
export function prefixed(grammar: string, prefix: string): string {
  // Strings, classes, comments, counts and token names stay as they are.
  const tokens = /"(?:[^"\\]|\\[^])*"|\[(?:[^\]\\]|\\[^])*\]|#[^\n]*|\{[^}]*\}|<[^>\s]*>|[a-zA-Z0-9-]+/g
  return grammar.replace(tokens, (token) => (/^[a-zA-Z0-9-]/.test(token) ? prefix + token : token)).trimEnd()
}

/**
 * Rules for any text up to the first occurrence of a marker, which is part of it, and what follows then.
 * With `mayEnd`, also for text that never comes to it.
 */
export function untilMarker(name: string, marker: string, then: string, mayEnd = false): string[] {
  const characters = Array.from(marker)
  const alphabet = [...new Set(characters)]
  const others = `[^${alphabet.map(inClass).join('')}]`
  return characters.map((_, state) => {
    // How far into the marker one is after each character, as Knuth, Morris and Pratt do it.
    const moves = alphabet.map((character) => {
      const next = matchedAfter(characters, state, character)
      return `${literal(character)} ${next === characters.length ? then : `${name}-${next}`}`
    })
    const all = [...moves, `${others} ${name}-0`].join(' | ')
    return `${name}-${state} ::= ${mayEnd ? `(${all})?` : all}`
  })
}

function inClass(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : character
}

function matchedAfter(marker: readonly string[], state: number, character: string): number {
  const seen = [...marker.slice(0, state), character]
  for (let length = Math.min(seen.length, marker.length); length > 0; length--) {
    if (marker.slice(0, length).every((each, index) => each === seen[seen.length - length + index])) return length
  }
  return 0
}
