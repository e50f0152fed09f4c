import type { Chart } from './charts.ts'

// What follows runs in the browser: `drawCharts` goes into the page as its own source, so that it may use nothing of this
// file but types. The page's objects are typed here as far as they are used; the rest of the project knows no browser.
interface PageElement {
  readonly clientWidth: number
  readonly dataset: Record<string, string | undefined>
}

interface Plot {
  setSize(size: { width: number; height: number }): void
  destroy(): void
}

interface Browser {
  readonly uPlot: new (options: object, data: readonly unknown[], into: PageElement) => Plot
  readonly document: { querySelectorAll(selector: string): Iterable<PageElement>; documentElement: PageElement }
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string }
  matchMedia(query: string): { addEventListener(event: 'change', listener: () => void): void }
  readonly ResizeObserver: new (listener: () => void) => { observe(element: PageElement): void }
}

/** Draws each chart into its place, as wide as that is, in the colours of the page. */
export function drawCharts(browser: Browser, charts: readonly Chart[]): void {
  const height = 260
  const style = (name: string) =>
    browser.getComputedStyle(browser.document.documentElement).getPropertyValue(name).trim()
  const short = (value: number) =>
    Math.abs(value) >= 1000 ? value.toLocaleString('en') : String(Math.round(value * 100) / 100)
  const draw = (element: PageElement, chart: Chart): Plot => {
    const colors = ['--c1', '--c2', '--c3', '--c4'].map(style)
    const axis = {
      stroke: style('--text'),
      grid: { stroke: style('--line'), width: 1 },
      ticks: { stroke: style('--line') },
    }
    const values = (_: unknown, ticks: readonly (number | null)[]) =>
      ticks.map((each) => (each === null ? '' : short(each)))
    const shown = (_: unknown, value: number | null) => (value === null || value === undefined ? '–' : short(value))
    const options = {
      width: element.clientWidth,
      height,
      scales: {
        x: { time: false },
        y: { range: (_: unknown, __: number, most: number | null) => [0, (most ?? 1) * 1.08 || 1] },
      },
      axes: [
        { ...axis, label: chart.xLabel, labelSize: 22, values },
        { ...axis, label: chart.yLabel, labelSize: 22, size: 62, values },
      ],
      series: [
        { label: chart.xLabel, value: shown },
        ...chart.series.map((series, index) => ({
          label: series.label,
          stroke: colors[index % colors.length],
          width: series.pointsOnly ? 0 : 2,
          ...(series.isDashed && { dash: [6, 4] }),
          points: {
            show: !series.isDashed && (series.pointsOnly || chart.x.length <= 30),
            size: 7,
            fill: colors[index % colors.length],
          },
          spanGaps: true,
          value: shown,
        })),
      ],
    }
    return new browser.uPlot(options, [chart.x, ...chart.series.map((series) => series.values)], element)
  }
  for (const element of browser.document.querySelectorAll('[data-chart]')) {
    const chart = charts[Number(element.dataset['chart'])]
    if (!chart) continue
    let plot = draw(element, chart)
    new browser.ResizeObserver(() => plot.setSize({ width: element.clientWidth, height })).observe(element)
    browser.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      plot.destroy()
      plot = draw(element, chart)
    })
  }
}
