import type { Plan } from './plan.ts'

/** Of a plan for the ledger. */
const mostShown = 20

/** What a route chose from, as JSON: for the ledger, and for people who ask why. */
export function planReport({ route, objective, candidates, excluded }: Plan): string {
  return JSON.stringify({
    route,
    objective,
    candidates: candidates.slice(0, mostShown).map(({ id, prediction }) => ({
      id,
      ttft_ms: rounded(prediction?.ttftMs),
      latency_ms: rounded(prediction?.latencyMs),
      latency_p90_ms: rounded(prediction?.latencyP90Ms),
      output_tokens: prediction?.outputTokens ?? null,
      cost_usd: prediction?.cost === undefined ? null : Number(prediction.cost.toPrecision(3)),
      quality: prediction?.quality ?? null,
    })),
    excluded: excluded.slice(0, mostShown),
    ...(candidates.length + excluded.length > mostShown && { of: candidates.length + excluded.length }),
  })
}

function rounded(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds * 10) / 10
}
