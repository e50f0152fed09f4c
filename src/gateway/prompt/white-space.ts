/** Where blanks mean what they are, and not only how a text looks. */
const marksUp = /<(pre|textarea|script|style|code)\b/i
const fence = /^ {0,3}(`{3,}|~{3,})/

/**
 * A text without what nobody sees of it as Markdown: blanks at the ends of lines but for the two that break a line, and
 * of several empty lines all but one. Fenced code, indented code and texts with HTML that keeps its blanks stay as they
 * are. Never longer than it was.
 */
export function withoutBlanks(text: string): string {
  if (!/[ \t]\n|[ \t]$|\n[ \t\r]*\n[ \t\r]*\n/.test(text) || marksUp.test(text)) return text
  const kept: string[] = []
  let opened: string | undefined
  let empty: string[] = []
  let isIndented = false
  const push = (line: string, indented: boolean) => {
    // Between lines of indented code empty lines are part of it.
    if (empty.length > 0) kept.push(...(isIndented && indented ? empty : ['']))
    empty = []
    kept.push(line)
    isIndented = indented
  }
  for (const line of text.split('\n')) {
    const mark = fence.exec(line)?.[1]
    if (opened !== undefined) {
      kept.push(line)
      if (mark?.startsWith(opened) && line.trim() === mark) opened = undefined
      continue
    }
    if (line.trim() === '') {
      empty.push(line)
      continue
    }
    const indented = /^( {4}|\t| {1,3}\t)/.test(line)
    push(indented || mark !== undefined ? line : shortened(line), indented)
    opened = mark
  }
  if (empty.length > 0) kept.push('')
  return kept.join('\n')
}

/** Two blanks or more break a line; a carriage return belongs to the end of it. */
function shortened(line: string): string {
  const ending = line.endsWith('\r') ? '\r' : ''
  const body = ending === '' ? line : line.slice(0, -1)
  let end = body.length
  while (end > 0 && (body[end - 1] === ' ' || body[end - 1] === '\t')) end--
  return `${body.slice(0, end)}${body.endsWith('  ') ? '  ' : ''}${ending}`
}
