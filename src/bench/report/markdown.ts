import type { BenchResult, Sweep } from '../result.ts'
import {
  aboutRows,
  definitions,
  errorLines,
  latencyTable,
  throughputTable,
  warningLines,
  type Table,
} from './stage-table.ts'

/** The whole result as Markdown. */
export function markdownOf(result: BenchResult): string {
  const about = table({ head: ['', ''], rows: aboutRows(result) })
  const notes = list([...result.notes, ...(result.isInterrupted ? ['Interrupted: the results until then.'] : [])])
  return `${['# inferloom bench', about, notes, ...result.sweeps.flatMap(sections), definitions].filter(Boolean).join('\n\n')}\n`
}

function sections(sweep: Sweep): string[] {
  return [
    `## ${sweep.title}`,
    escaped(sweep.workload),
    ...sweep.lessons.map(escaped),
    table(throughputTable(sweep)),
    table(latencyTable(sweep)),
    list(errorLines(sweep)),
    list(warningLines(sweep)),
  ]
}

function table({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escaped(line)}`).join('\n')
}

/** Names of models and errors come from servers. */
function escaped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\|<>[\]`*]/g, '\\$&')
}
