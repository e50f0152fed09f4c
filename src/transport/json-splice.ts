/** Where a value is in a JSON text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Takes the place of what is in its span; an empty span only adds. */
export interface Edit extends Span {
  readonly text: string
}

export interface Members {
  /** The values of those that were looked for, by name. */
  readonly spans: ReadonlyMap<string, Span>
  /** A name that was looked for and is there twice: readers differ in which of the two they take. */
  readonly twice: string | undefined
  /** Just behind the opening brace, where a member can be added. */
  readonly start: number
  readonly empty: boolean
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/**
 * Finds members of the object that a text holds, in one pass and without making anything of the rest.
 * The text must be an object that `JSON.parse` has read: nothing is checked again here.
 *
 * @example membersOf('{"model":"a"}', ['model']).spans.get('model') // { start: 9, end: 12 }
 */
export function membersOf(text: string, names: readonly string[]): Members {
  const spans = new Map<string, Span>()
  let twice: string | undefined
  const start = text.indexOf('{') + 1
  let at = skipSpace(text, start)
  const empty = text.charCodeAt(at) === closeBrace
  while (text.charCodeAt(at) === quote) {
    const keyEnd = stringEnd(text, at)
    const name = nameOf(text, at, keyEnd)
    // Past the colon, which stands between a name and its value.
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = valueEnd(text, valueStart)
    if (names.includes(name)) {
      if (spans.has(name)) twice ??= name
      spans.set(name, { start: valueStart, end })
    }
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
  return { spans, twice, start, empty }
}

/**
 * Finds the elements of an array that begins at `start`, as `membersOf` does members.
 *
 * @example elementsOf('[1, [2]]', 0) // [{ start: 1, end: 2 }, { start: 4, end: 7 }]
 */
export function elementsOf(text: string, start: number): readonly Span[] {
  const spans: Span[] = []
  let at = skipSpace(text, start + 1)
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const end = valueEnd(text, at)
    spans.push({ start: at, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== comma) break
    at = skipSpace(text, at + 1)
  }
  return spans
}

/** Makes the edits, which may not overlap; all else stays as it is. */
export function splice(text: string, edits: readonly Edit[]): string {
  let out = ''
  let from = 0
  const inOrder = edits.length > 1 ? edits.toSorted((a, b) => a.start - b.start) : edits
  for (const { start, end, text: replacement } of inOrder) {
    out += text.slice(from, start) + replacement
    from = end
  }
  return out + text.slice(from)
}

/** An edit that adds a member before all others. */
export function addition({ start, empty }: Members, name: string, json: string): Edit {
  return { start, end: start, text: `${JSON.stringify(name)}:${json}${empty ? '' : ','}` }
}

function nameOf(text: string, start: number, end: number): string {
  const name = text.slice(start + 1, end - 1)
  return name.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : name
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++
  return at
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let close = text.indexOf('"', start + 1)
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1)
  return close === -1 ? text.length : close + 1
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text.charCodeAt(before) === backslash) before--
  return (at - before) % 2 === 0
}

/** Behind the value that begins at `start`. Counts brackets instead of recursing: nesting is the client's to choose. */
function valueEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = stringEnd(text, at)
      if (depth === 0) return at
      continue
    }
    if (code === openBrace || code === openBracket) depth++
    else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (code === comma || code <= 0x20)) return at
    at++
  }
  return at
}
