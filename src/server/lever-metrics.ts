import { labelText, type Exposition } from '../gateway/telemetry/exposition.ts'
import type { SharedTierReport } from '../gateway/cache/shared-tier.ts'
import type { LeversReport } from './levers.ts'

/** Deployments that have lines of their own; of more, those that were asked first. */
const mostDeployments = 200
const states = { closed: 0, 'half-open': 1, open: 2 } as const

/** What the levers did, for Prometheus. */
export function writeLevers(out: Exposition, report: LeversReport): void {
  const { health, probes, retries, hedges, pacing, cache, cacheStore, semantic } = report
  if (cache) {
    out.metric('inferloom_cache_requests_total', 'counter', 'Requests, by what the cache of answers said.')
    for (const [outcome, count] of Object.entries(cache.outcomes)) {
      out.value('inferloom_cache_requests_total', labelText({ outcome }), count)
    }
    out.single('inferloom_cache_answers', 'gauge', 'Answers that are kept in memory.', cache.answers)
    out.single('inferloom_cache_bytes', 'gauge', 'About what they take.', cache.bytes)
  }
  if (cacheStore) writeStore(out, cacheStore)
  out.single('inferloom_retries_total', 'counter', 'Repeats at the same deployment.', retries.repeats)
  out.metric('inferloom_hedges_total', 'counter', 'Second tries beside a slow first one.')
  out.value('inferloom_hedges_total', labelText({ won: 'true' }), hedges.won)
  out.value('inferloom_hedges_total', labelText({ won: 'false' }), hedges.sent - hedges.won)
  const deployments = health.slice(0, mostDeployments)
  out.metric('inferloom_deployment_state', 'gauge', 'Of its breaker: 0 is closed, 1 is being probed, 2 is open.')
  for (const { id, state } of deployments) {
    out.value('inferloom_deployment_state', labelText({ deployment: id }), states[state])
  }
  out.metric('inferloom_deployment_in_flight', 'gauge', 'Tries that are under way.')
  for (const { id, inFlight } of deployments) {
    out.value('inferloom_deployment_in_flight', labelText({ deployment: id }), inFlight)
  }
  if (probes) {
    out.metric(
      'inferloom_probes_total',
      'counter',
      'Questions to deployments that are left alone, by what became of them.',
    )
    for (const outcome of ['answered', 'failed'] as const) {
      out.value('inferloom_probes_total', labelText({ outcome }), probes[outcome])
    }
  }
  out.metric('inferloom_pacing_waiting', 'gauge', "Requests that wait for room under a provider's limits.")
  for (const { id, waiting } of pacing.slice(0, mostDeployments)) {
    out.value('inferloom_pacing_waiting', labelText({ deployment: id }), waiting)
  }
  out.metric('inferloom_pacing_waited_total', 'counter', 'Requests that have waited.')
  for (const { id, waited } of pacing.slice(0, mostDeployments)) {
    out.value('inferloom_pacing_waited_total', labelText({ deployment: id }), waited)
  }
  out.metric('inferloom_pacing_refused_total', 'counter', 'Requests that a provider refused all the same, with 429.')
  for (const { id, refused } of pacing.slice(0, mostDeployments)) {
    out.value('inferloom_pacing_refused_total', labelText({ deployment: id }), refused)
  }
  out.metric('inferloom_semantic_error_bound', 'gauge', 'What the share of wrong answers is below, 19 times of 20.')
  for (const { route, errorBound } of semantic) {
    out.value('inferloom_semantic_error_bound', labelText({ route }), errorBound)
  }
}

function writeStore(out: Exposition, { state, lookups, writes, waiting }: SharedTierReport): void {
  out.single(
    'inferloom_cache_store_up',
    'gauge',
    'Whether the store of answers can be asked.',
    state === 'ready' ? 1 : 0,
  )
  out.metric(
    'inferloom_cache_store_lookups_total',
    'counter',
    'Answers that were looked for in it, by what became of it.',
  )
  for (const [outcome, count] of Object.entries(lookups)) {
    out.value('inferloom_cache_store_lookups_total', labelText({ outcome }), count)
  }
  out.metric('inferloom_cache_store_writes_total', 'counter', 'Answers for it, by what became of them.')
  for (const [outcome, count] of Object.entries(writes)) {
    out.value('inferloom_cache_store_writes_total', labelText({ outcome }), count)
  }
  out.single('inferloom_cache_store_waiting', 'gauge', 'Answers that wait to be written to it.', waiting)
}
