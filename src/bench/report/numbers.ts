import type { Estimate } from '../statistics.ts'

/** `0.42 ms`, `12.3 ms`, `1.23 s`; nothing → `–` */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`
  return `${value.toFixed(value < 1 ? 2 : value < 100 ? 1 : 0)} ms`
}

/** `12.3 ms (11.9–12.8)` */
export function estimatedMs(estimate: Estimate | undefined): string {
  if (!estimate) return '–'
  const { value, low, high } = estimate
  const inSeconds = value >= 1000
  const digits = inSeconds ? 2 : value < 1 ? 2 : value < 100 ? 1 : 0
  const [from, to] = [low, high].map((each) => (inSeconds ? each / 1000 : each).toFixed(digits))
  return `${milliseconds(value)} (${from}–${to})`
}

/** `1,234`, `98.7`, `0.42`: three digits that count. */
export function number(value: number): string {
  const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** `98.7 (95.1–102)` */
export function estimated({ value, low, high }: Estimate): string {
  return `${number(value)} (${number(low)}–${number(high)})`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** `3.4 ×` */
export function times(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ×`
}
