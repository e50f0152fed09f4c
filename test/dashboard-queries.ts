import { readFileSync } from 'node:fs'

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly definition?: string }[] }
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[]
}

const file = new URL('../deploy/grafana/inferloom.json', import.meta.url)

/** What the dashboard asks Prometheus for its panels, and for its lists of servers and models. */
export function dashboardQueries(): { readonly panels: readonly string[]; readonly lists: readonly string[] } {
  const { panels, templating } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard
  return {
    panels: panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    lists: templating.list.flatMap(({ definition }) => definition ?? []),
  }
}
