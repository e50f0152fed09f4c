import type { Histogram } from './histogram.ts'

export type Labels = Readonly<Record<string, string>>
type Kind = 'counter' | 'gauge' | 'histogram'

/** Writes metrics in Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export class Exposition {
  readonly #lines: string[] = []

  /** Begins a metric. All of its values must follow before the next one begins. */
  metric(name: string, kind: Kind, help: string): void {
    this.#lines.push(
      `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${kind}`,
    )
  }

  value(name: string, labels: string, value: number): void {
    this.#lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${shown(value)}`)
  }

  histogram(name: string, labels: string, { bounds, counts, sum, count }: Histogram): void {
    const before = labels === '' ? '' : `${labels},`
    let below = 0
    for (const [at, bound] of bounds.entries()) {
      below += counts[at] ?? 0
      this.#lines.push(`${name}_bucket{${before}le="${bound}"} ${below}`)
    }
    this.#lines.push(`${name}_bucket{${before}le="+Inf"} ${count}`)
    this.value(`${name}_sum`, labels, sum)
    this.value(`${name}_count`, labels, count)
  }

  /** A metric without labels. */
  single(name: string, kind: Kind, help: string, value: number | undefined): void {
    if (value === undefined) return
    this.metric(name, kind, help)
    this.value(name, '', value)
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

/** Labels as they stand between braces. */
export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function shown(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
