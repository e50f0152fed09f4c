import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { InferloomError } from '../canonical/errors.ts'
import type { LabelledPair } from '../gateway/cache/semantic/semantic-answers.ts'

/** Lines that are read of a file. */
const mostPairs = 20_000

/** Pairs of questions, one JSON a line. Throws `config_invalid` with the number of the line that is wrong. */
export function labelledPairs(route: string, name: string, configFile: string | undefined): LabelledPair[] {
  const file = resolve(configFile === undefined ? '.' : dirname(configFile), name)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('config_invalid', `routes.${route}.semantic.labels: ${file} cannot be read: ${reason}.`)
  }
  const lines = text.split('\n').slice(0, mostPairs)
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [pairIn(line, `${file}, line ${index + 1}`)]))
}

function pairIn(line: string, where: string): LabelledPair {
  try {
    const { a, b, same } = JSON.parse(line) as Partial<Record<string, unknown>>
    if (typeof a === 'string' && typeof b === 'string' && typeof same === 'boolean') return { a, b, same }
  } catch {
    // It is told below.
  }
  const message = `${where}: is not a pair of questions. Remedy: write {"a": "…", "b": "…", "same": true} in each line.`
  throw new InferloomError('config_invalid', message)
}
