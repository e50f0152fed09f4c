import { compare, type Difference } from '../bench/compare.ts'
import { readResult } from '../bench/read-result.ts'
import { number } from '../bench/report/numbers.ts'
import { table } from './format.ts'

const mostUnmatched = 20

/** Shows what differs between two kept runs by more than their noise. */
export function benchCompare(before: string, after: string, { json, all }: { json: boolean; all: boolean }): void {
  const comparison = compare(readResult(before), readResult(after))
  if (json) return void process.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`)
  const { differences, unmatched } = comparison
  const shown = all ? differences : differences.filter(({ verdict }) => verdict !== 'within the noise')
  const within = differences.length - shown.length
  if (shown.length > 0) {
    process.stdout.write(table(['sweep', 'stage', '', before, after, 'change', ''], shown.map(row)))
  }
  const summary = [
    differences.length === 0 ? 'The two runs have no stage in common.' : '',
    shown.length === 0 && differences.length > 0 ? 'Nothing differs by more than the noise.' : '',
    within > 0 ? `${within} of ${differences.length} numbers are within the noise (--all shows them).` : '',
    unmatched.length > 0 ? `Only in one of them: ${unmatched.slice(0, mostUnmatched).join('; ')}.` : '',
    'The noise is that within each run. What differs from run to run on a busy machine shows when one of them is run twice.',
  ]
  process.stdout.write(`${summary.filter(Boolean).join('\n')}\n`)
}

function row({ sweep, stage, metric, before, after, change, verdict }: Difference): string[] {
  const sign = change !== undefined && change > 0 ? '+' : ''
  const changed = change === undefined ? '–' : `${sign}${(change * 100).toFixed(1)} %`
  return [sweep, stage, metric, number(before.value), number(after.value), changed, verdict]
}
