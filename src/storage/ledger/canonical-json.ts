/** Deeper values have no canonical text: nothing that walks them may run out of stack. */
const deepest = 200

/**
 * The one JSON text of a value: names in order, `null` as if left out unless it is to be kept. Undefined where it nests
 * too deep.
 */
export function canonicalJson(value: unknown, nulls: 'kept' | 'left out' = 'left out'): string | undefined {
  try {
    return textOf(value, 0, nulls === 'kept')
  } catch (error) {
    if (error instanceof TooDeep) return undefined
    throw error
  }
}

class TooDeep extends Error {}

function textOf(value: unknown, depth: number, keepsNull: boolean): string {
  if (depth > deepest) throw new TooDeep()
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) {
    let text = '['
    for (const each of value as readonly unknown[])
      text += (text === '[' ? '' : ',') + textOf(each, depth + 1, keepsNull)
    return `${text}]`
  }
  const members = value as Readonly<Record<string, unknown>>
  let text = '{'
  for (const name of Object.keys(members).sort()) {
    const member = members[name]
    if (member === undefined || (member === null && !keepsNull)) continue
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${textOf(member, depth + 1, keepsNull)}`
  }
  return `${text}}`
}
