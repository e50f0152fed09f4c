import { readFileSync } from 'node:fs'

/** The line of a YAML file on which a setting stands, or the nearest one around it; undefined where there is none. */
export async function lineOf(file: string, path: readonly string[]): Promise<number | undefined> {
  const { LineCounter, parseDocument, isNode } = await import('yaml')
  const counter = new LineCounter()
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: counter, logLevel: 'error' })
  for (let length = path.length; length > 0; length--) {
    const keys = path.slice(0, length).map((each) => (/^\d+$/.test(each) ? Number(each) : each))
    const node = document.getIn(keys, true)
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line
  }
  return undefined
}
