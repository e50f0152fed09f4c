/** What turns a sentence around, and vectors hardly see. */
const negations =
  /\b(not|no|never|none|nobody|nothing|neither|nor|without|except|un\w+|in(?:valid|correct|secure|active)|cannot|can't|don't|doesn't|isn't|aren't|won't|wasn't)\b/gi
const opposites =
  /\b(before|after|above|below|more|less|fewer|most|least|first|last|minimum|maximum|min|max|increase|decrease|start|stop|open|close|enable|disable|add|remove|buy|sell|left|right|up|down|true|false|old|new)\b/gi
const numbers = /\d+(?:[.,]\d+)*/g
const quoted = /"[^"]{1,200}"|“[^”]{1,200}”|`[^`]{1,200}`|'[^'\s][^']{0,198}'(?!\w)/g
/** Names: words with a capital that do not begin a sentence, or have capitals or digits within. */
const names = /(?<=[^.!?\s]\s+)(?!I\b)\p{Lu}[\p{L}\p{N}]*|\p{L}*\p{Ll}\p{Lu}\p{L}*|\b(?:\p{Lu}{2,}|\p{L}+\d+\w*)\b/gu

/** Whether two questions speak of the same numbers, names and quotations, and turn them around as often. */
export function sameFacts(a: string, b: string): boolean {
  return [numbers, quoted, names, negations, opposites].every((kind) => found(a, kind) === found(b, kind))
}

function found(text: string, kind: RegExp): string {
  return [...text.matchAll(kind)]
    .map(([each]) => each.toLowerCase())
    .sort()
    .join(' ')
}
