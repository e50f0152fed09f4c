import type { LoadedConfig } from '../config/load.ts'
import { duration, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface LedgerRow {
  id: string
  received_at: number
  model: string
  status: number
  prompt_tokens: number | null
  output_tokens: number | null
  ttft_ms: number | null
  tpot_ms: number | null
  total_ms: number
  finish_reason: string | null
  error: string | null
}

/** Shows the latest requests of the running server, newest first. */
export async function requests(loaded: LoadedConfig, limit: string, json: boolean): Promise<void> {
  const client = ServerClient.of(loaded)
  const { data } = await client.json<{ data: LedgerRow[] }>(`/admin/requests?limit=${encodeURIComponent(limit)}`)
  if (json) return void process.stdout.write(`${JSON.stringify(data, null, 2)}\n`)
  const rows = data.map((row) => [
    new Date(row.received_at).toLocaleTimeString('en-GB'),
    row.model.slice(0, 24),
    row.status,
    row.prompt_tokens ?? '–',
    row.output_tokens ?? '–',
    duration(row.ttft_ms),
    duration(row.tpot_ms),
    duration(row.total_ms),
    row.error ?? row.finish_reason ?? '',
  ])
  process.stdout.write(
    table(['time', 'model', 'status', 'prompt', 'output', 'TTFT', 'TPOT', 'total', 'ended by'], rows),
  )
}
