import { costMembers, type ToldCost } from '../canonical/usage.ts'

const mark = Buffer.from('"usage')
const [space, newline, carriage, tab, colon, brace, closing] = [0x20, 0x0a, 0x0d, 0x09, 0x3a, 0x7b, 0x7d]

/**
 * The same bytes with a cost in the last usage object there is: `"usage":{"cost":0.001,…}`. The bytes as they are where
 * there is none, it begins outside of them, or the provider tells a cost of its own. Text in JSON cannot look like one: its quotes are escaped.
 */
export function withCost(bytes: Uint8Array, cost: ToldCost): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = buffer.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : buffer.lastIndexOf(mark, at - 1)) {
    const inside = insideOf(buffer, at)
    if (inside === undefined) continue
    // Some providers say themselves what they charge.
    const saysItself = buffer.indexOf('"cost"', inside) !== -1
    if (saysItself && cost !== 'kept') return bytes
    const comma = buffer[skipSpace(buffer, inside)] === closing ? '' : ','
    const members = saysItself ? { cached: true } : costMembers(cost)
    const member = Buffer.from(`${JSON.stringify(members).slice(1, -1)}${comma}`)
    return Buffer.concat([buffer.subarray(0, inside), member, buffer.subarray(inside)])
  }
  return bytes
}

/** Where the object of a member that begins with this name begins; undefined where it is another member, or no object. */
function insideOf(buffer: Buffer, at: number): number | undefined {
  const quote = buffer.indexOf(0x22, at + mark.length)
  const name = buffer.toString('latin1', at + 1, quote)
  if (name !== 'usage' && name !== 'usageMetadata') return undefined
  const colonAt = skipSpace(buffer, quote + 1)
  if (buffer[colonAt] !== colon) return undefined
  const braceAt = skipSpace(buffer, colonAt + 1)
  return buffer[braceAt] === brace ? braceAt + 1 : undefined
}

function skipSpace(buffer: Buffer, from: number): number {
  let at = from
  while ([space, newline, carriage, tab].includes(buffer[at] ?? 0)) at++
  return at
}
