/** `4525312` → `4.5M` */
export function count(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value)
}

/** `4817920` → `4.8 MB` */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1)
  return `${(value / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

/** `1234.5` → `1.23 s`, `12.3` → `12 ms`, nothing → `–` */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return '–'
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`
}

/** `0.0123` → `$0.0123`, `1234.5` → `$1,234.50`, nothing → `unknown` */
export function dollars(usd: number | null): string {
  if (usd === null) return 'unknown'
  const small = Math.abs(usd) < 1 && usd !== 0
  return `$${usd.toLocaleString('en', small ? { maximumSignificantDigits: 3 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
}

// C0 and C1 controls drive terminals, and the marks of direction and line turn what is read around.
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/g

/** What others wrote, safe to be shown in a terminal: `\u{1b}[2J` for what would clear it. */
export function plain(text: string): string {
  return text.replaceAll(controls, (each) => `\\u{${each.charCodeAt(0).toString(16)}}`)
}

/** Columns as wide as what is in them; numbers to the right. Whatever is in them, a row is one line. */
export function table(head: readonly string[], given: readonly (readonly (string | number)[])[]): string {
  const rows = given.map((row) => row.map((cell) => (typeof cell === 'string' ? plain(cell) : cell)))
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
  )
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, column) =>
        typeof cell === 'number' ? String(cell).padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n') + '\n'
}
