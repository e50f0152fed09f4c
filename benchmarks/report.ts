import { availableParallelism, cpus, totalmem, type as systemType, release as systemRelease } from 'node:os'
import { llamaServerVersion } from './arms/llama-server.ts'
import { findLibraries, release } from '../src/engine/binding/library-folder.ts'
import { version } from '../src/version.ts'
import type { Bar, Section } from './workload.ts'

/** What the numbers depend on beside the code that is measured. */
export function environment(command: string, seconds: number): Record<string, string> {
  return {
    machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${systemType()} ${systemRelease()}, Node ${process.version}`,
    inferloom: `${version} with ${findLibraries()[0]?.package ?? 'no libraries'} ${release}`,
    'llama-server': llamaServerVersion ?? 'not on the PATH',
    model: '82M parameters of random weights, Q8_0 (benchmarks/random-model.ts)',
    command,
    date: new Date().toISOString().slice(0, 10),
    took: `${seconds.toFixed(0)} s`,
  }
}

export function markdown(about: Readonly<Record<string, string>>, sections: readonly Section[]): string {
  const parts = [table(['', ''], Object.entries(about))]
  for (const { title, columns, rows, notes = [] } of sections) {
    parts.push(`## ${title}`, table(columns, rows), ...notes)
  }
  const bars = sections.flatMap((section) => section.bars)
  if (bars.length > 0) parts.push('## Bars', table(['what', 'measured', 'bar', 'holds'], bars.map(barRow)))
  return `${parts.join('\n\n')}\n`
}

export function holds({ value, atLeast = -Infinity, atMost = Infinity }: Bar): boolean {
  return value >= atLeast && value <= atMost
}

function barRow(bar: Bar): string[] {
  const limit = bar.atLeast === undefined ? `≤ ${bar.atMost}` : `≥ ${bar.atLeast}`
  const shown = Number.isInteger(bar.value) ? String(bar.value) : bar.value.toFixed(2)
  return [bar.what, `${shown} ${bar.unit}`.trim(), `${limit} ${bar.unit}`.trim(), holds(bar) ? 'yes' : '**no**']
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}
