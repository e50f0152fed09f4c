import type { LoadedConfig } from '../config/load.ts'
import { dollars, duration, plain, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface LedgerRow {
  id: string
  received_at: number
  key_name: string | null
  model: string
  status: number
  prompt_tokens: number | null
  output_tokens: number | null
  ttft_ms: number | null
  tpot_ms: number | null
  total_ms: number
  finish_reason: string | null
  error: string | null
  cost_usd: number | null
}

interface Attempt {
  number: number
  provider: string
  model: string
  reason: string | null
  status: number
  error: string | null
  ttft_ms: number | null
  total_ms: number
  cost_usd: number | null
}

interface Detail extends LedgerRow {
  attempts_made: readonly Attempt[]
  prefix_hashes: readonly object[]
  content: { readonly asked: string | null; readonly answered: string | null } | null
}

/** Shows the latest requests of the running server, newest first. */
export async function requests(loaded: LoadedConfig, limit: string, json: boolean): Promise<void> {
  const client = ServerClient.of(loaded)
  const { data } = await client.json<{ data: LedgerRow[] }>(`/admin/requests?limit=${encodeURIComponent(limit)}`)
  if (json) return void process.stdout.write(`${JSON.stringify(data, null, 2)}\n`)
  const rows = data.map((row) => [
    new Date(row.received_at).toLocaleTimeString('en-GB'),
    (row.key_name ?? '–').slice(0, 16),
    row.model.slice(0, 24),
    row.status,
    row.prompt_tokens ?? '–',
    row.output_tokens ?? '–',
    duration(row.ttft_ms),
    duration(row.tpot_ms),
    duration(row.total_ms),
    // Nothing was answered that could have cost something.
    row.cost_usd === null && row.prompt_tokens === null ? '–' : dollars(row.cost_usd),
    row.error ?? row.finish_reason ?? '',
  ])
  process.stdout.write(
    table(['time', 'key', 'model', 'status', 'prompt', 'output', 'TTFT', 'TPOT', 'total', 'cost', 'ended by'], rows),
  )
}

/** Shows all that is kept of one request, and every try at a provider. */
export async function oneRequest(loaded: LoadedConfig, id: string, json: boolean): Promise<void> {
  const detail = await ServerClient.of(loaded).json<Detail>(`/admin/requests/${encodeURIComponent(id)}`)
  if (json) return void process.stdout.write(`${JSON.stringify(detail, null, 2)}\n`)
  const { attempts_made: attempts, prefix_hashes: hashes, content, received_at: at, ...fields } = detail
  const known = Object.entries(fields).filter(([, value]) => value !== null && value !== '')
  const lines = [
    ['received', new Date(at).toISOString()],
    ...known.map(([name, value]) => [name, String(value)]),
    ['prefix_hashes', String(hashes.length)],
  ]
  process.stdout.write(table(['', ''], lines).trimStart())
  const rows = attempts.map((each) => [
    each.number,
    `${each.provider}/${each.model}`,
    each.status,
    duration(each.ttft_ms),
    duration(each.total_ms),
    dollars(each.cost_usd),
    each.error ?? '',
    each.reason ?? '',
  ])
  process.stdout.write(`\n${table(['try', 'served by', 'status', 'TTFT', 'total', 'cost', 'error', 'why'], rows)}`)
  if (content) process.stdout.write(`\nasked\n${shown(content.asked)}\n\nanswered\n${shown(content.answered)}\n`)
}

function shown(text: string | null): string {
  return text === null ? '–' : text.split('\n').map(plain).join('\n')
}
