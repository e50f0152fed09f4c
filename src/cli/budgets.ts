import type { LoadedConfig } from '../config/load.ts'
import { dollars, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface Line {
  readonly kind: string
  readonly id: string
  readonly name: string
  readonly window: string
  readonly usd: number
  readonly soft: number | null
  readonly spent: number
  readonly reserved: number
  readonly left: number
  readonly end: string
  readonly projected: number | null
  readonly used_up_at: string | null
}

interface Budgets {
  readonly data: readonly Line[]
  readonly more: boolean
  readonly method: string
}

/** Shows what is left of every budget of the running server, and where it is going. */
export async function budgets(loaded: LoadedConfig, json: boolean): Promise<void> {
  const answer = await ServerClient.of(loaded).json<Budgets>('/admin/budgets')
  if (json) return void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  if (answer.data.length === 0) {
    process.stdout.write('No key, team or model has a budget. See docs/limits.md.\n')
    return
  }
  const rows = answer.data.map((line) => [
    `${line.kind} ${line.name}`.slice(0, 40),
    `${dollars(line.usd)} a ${line.window}`,
    dollars(line.spent),
    dollars(line.left),
    line.projected === null ? '–' : dollars(line.projected),
    moment(line.end),
    line.used_up_at === null ? '–' : moment(line.used_up_at),
  ])
  const more = answer.more ? '\nThere are more than these.' : ''
  process.stdout.write(
    table(['of', 'budget', 'spent', 'left', 'projected', 'ends', 'used up'], rows) +
      `\nProjected: ${answer.method}.${more}\n`,
  )
}

/** `2026-12-01T00:00:00.000Z` → `2026-12-01 00:00Z` */
function moment(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')}Z`
}
