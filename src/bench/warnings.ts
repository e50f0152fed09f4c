import type { StageResult } from './result.ts'
import type { StageRun, StageSpec } from './stage.ts'

type Measured = Pick<StageResult, 'completed' | 'failed' | 'latenessP99' | 'requestsPerSecond' | 'windowSeconds'>

/** From so many milliseconds on, lateness of this generator distorts what is measured. */
const lateMs = 5
/** A server that answers fewer than so many of those sent does not keep up. */
const keepsUp = 0.9
const fewRequests = 100

/** What could not be held, and what else makes the numbers weaker than they look. */
export function warningsOf(run: StageRun, spec: StageSpec, measured: Measured): string[] {
  const { unsent, heldBack, undrained, ended, sendingEndedAt, beganAt, outcomes } = run
  const seconds = (sendingEndedAt - beganAt) / 1000
  const warnings: string[] = []
  if (unsent > 0) {
    const sent = outcomes.length
    const asked = ((sent + unsent) / seconds).toFixed(0)
    const why =
      heldBack > 0 ? `because ${spec.mostInFlight} were under way already` : 'because this generator can send no more'
    warnings.push(
      `The rate was not held: of ${asked} requests a second ${(sent / seconds).toFixed(0)} were sent (${unsent} never were), ${why}.`,
    )
  }
  if (heldBack > 0) {
    warnings.push(
      `${heldBack} requests waited here because ${spec.mostInFlight} were under way (--max-in-flight); the wait counts as their latency.`,
    )
  }
  const waiting = outcomes.filter(({ endAt }) => endAt > sendingEndedAt).length
  const offered = outcomes.length / Math.max(0.001, seconds)
  const answered = measured.requestsPerSecond.value
  if (spec.drive.kind !== 'closed' && measured.failed === 0 && answered < offered * keepsUp && waiting > 10) {
    warnings.push(
      `The server did not keep up: ${offered.toFixed(1)} requests a second were sent, ${answered.toFixed(1)} answered, ` +
        `${waiting} were waiting at the end. Latencies grow for as long as this goes on.`,
    )
  }
  if (measured.latenessP99 > lateMs && heldBack === 0) {
    warnings.push(
      `This generator was late: one in a hundred requests was sent ${measured.latenessP99.toFixed(0)} ms after it was due or more, which counts as latency. Something else keeps this machine busy.`,
    )
  }
  if (undrained > 0 && ended !== 'interrupted') {
    const drained = spec.drainMs / 1000
    warnings.push(`${undrained} requests were not answered ${drained} s after the last was sent, and were given up.`)
  }
  if (ended === 'no answers') warnings.push('Ended early: 50 requests in a row found no server.')
  if (ended === 'interrupted') warnings.push('Interrupted: what came until then is kept.')
  if (measured.completed > 0 && measured.completed < fewRequests) {
    warnings.push('Fewer than 100 requests: their p99 is about the slowest of them.')
  }
  return warnings
}
