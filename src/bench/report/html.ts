import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BenchResult, Sweep } from '../result.ts'
import { chartsOf, type Chart } from './charts.ts'
import { drawCharts } from './page-script.ts'
import {
  aboutRows,
  definitions,
  errorLines,
  latencyTable,
  throughputTable,
  warningLines,
  type Table,
} from './stage-table.ts'

const require = createRequire(import.meta.url)

const style = `
:root { color-scheme: light dark; --back: #fff; --text: #1d2430; --soft: #5b6472; --line: #d9dee5; --panel: #f5f7fa;
  --c1: #2563eb; --c2: #d97706; --c3: #dc2626; --c4: #059669; --lesson: #eaf1ff }
@media (prefers-color-scheme: dark) { :root { --back: #14181f; --text: #e4e8ee; --soft: #9aa4b2; --line: #313945;
  --panel: #1b212a; --c1: #6ea8fe; --c2: #f0b254; --c3: #f47c7c; --c4: #4ed0a0; --lesson: #1c2a44 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1180px; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 1rem } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem } h3 { font-size: .95rem; margin: 0 0 .25rem }
.about { color: var(--soft); font-size: .9rem; display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 }
.about dd { margin: 0; overflow-wrap: anywhere }
.lesson { background: var(--lesson); border-left: 4px solid var(--c1); padding: .6rem .9rem; margin: .6rem 0; border-radius: 4px }
.warning { border-left: 4px solid var(--c2); padding: .25rem .9rem; margin: .4rem 0; color: var(--soft) }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 1rem; margin: 1rem 0 }
.chart { background: var(--panel); border-radius: 8px; padding: .75rem; min-width: 0 }
.chart > div { min-width: 0; overflow: hidden }
.scroll { overflow-x: auto } .soft { color: var(--soft); font-size: .9rem }
.scroll table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; margin: .75rem 0; white-space: nowrap }
.scroll :is(th, td) { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right }
.scroll :is(th, td):first-child { text-align: left } .scroll th { color: var(--soft); font-weight: 600 }
.u-legend { font-size: .8rem } @media (max-width: 600px) { .about { grid-template-columns: 1fr } .about dt { margin-top: .4rem } }
`

/** One page with everything in it: it opens without a network and can be sent as a file. */
export function htmlOf(result: BenchResult): string {
  const charts: Chart[] = []
  const sections = result.sweeps.map((sweep) => section(sweep, charts))
  const about = aboutRows(result).map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`)
  const notes = [...result.notes, ...(result.isInterrupted ? ['Interrupted: the results until then.'] : [])]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>inferloom bench: ${text(result.sweeps[0]?.stages[0]?.model ?? result.target)}</title>
<style>${readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8')}${style}</style></head><body>
<h1>inferloom bench</h1>
<dl class="about">${about.join('')}</dl>
${paragraphs(notes, 'warning')}
${sections.join('\n')}
<p class="soft">${text(definitions)}</p>
<script>${readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8')}</script>
<script>(${drawCharts.toString()})(globalThis, ${json(charts)})</script>
</body></html>
`
}

/** Adds the charts of a sweep to `charts`, whose numbers its places name. */
function section(sweep: Sweep, charts: Chart[]): string {
  const places = chartsOf(sweep).map((chart) => {
    const number = charts.push(chart) - 1
    return `<div class="chart"><h3>${text(chart.title)}</h3><div data-chart="${number}"></div></div>`
  })
  return `<h2>${text(sweep.title)}</h2><p class="soft">${text(sweep.workload)}</p>
${paragraphs(sweep.lessons, 'lesson')}
<div class="charts">${places.join('')}</div>
${table(throughputTable(sweep))}${table(latencyTable(sweep))}
${paragraphs(errorLines(sweep), 'warning')}${paragraphs(warningLines(sweep), 'warning')}`
}

function table({ head, rows }: Table): string {
  const cells = (row: readonly string[], tag: 'th' | 'td') =>
    row.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join('')
  const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')
  return `<div class="scroll"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body}</tbody></table></div>`
}

function paragraphs(lines: readonly string[], kind: string): string {
  return lines.map((line) => `<p class="${kind}">${text(line)}</p>`).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Names of models and errors come from servers. */
function text(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** JSON that cannot end the script it stands in. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
