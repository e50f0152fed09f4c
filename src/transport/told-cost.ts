import { costMembers, type ToldCost } from '../canonical/usage.ts'

const mark = '"usage'

/**
 * The same JSON with a cost in the last usage object there is: `"usage":{"cost":0.001,…}`. As it is where there is none,
 * it begins outside of it, or the provider tells a cost of its own. Text in JSON cannot look like one: its quotes are
 * escaped. `text` has a character for each byte, as of `latin1`.
 */
export function withCost(text: string, cost: ToldCost): string {
  for (let at = text.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(mark, at - 1)) {
    const inside = insideOf(text, at)
    if (inside === undefined) continue
    // Some providers say themselves what they charge.
    const saysItself = text.includes('"cost"', inside)
    if (saysItself && cost !== 'kept') return text
    const members = saysItself ? { cached: true } : costMembers(cost)
    const member = JSON.stringify(members).slice(1, -1)
    const comma = text[skipSpace(text, inside)] === '}' ? '' : ','
    return `${text.slice(0, inside)}${member}${comma}${text.slice(inside)}`
  }
  return text
}

/** Where the object of a member that begins with this name begins; undefined where it is another member, or no object. */
function insideOf(text: string, at: number): number | undefined {
  const quote = text.indexOf('"', at + mark.length)
  const name = text.slice(at + 1, quote)
  if (name !== 'usage' && name !== 'usageMetadata') return undefined
  const colonAt = skipSpace(text, quote + 1)
  if (text[colonAt] !== ':') return undefined
  const braceAt = skipSpace(text, colonAt + 1)
  return text[braceAt] === '{' ? braceAt + 1 : undefined
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}
