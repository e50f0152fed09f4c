import { fitThatCounts, type FitLine } from './fits.ts'
import { milliseconds, number, percent, times } from './report/numbers.ts'
import type { StageResult, SweepKind } from './result.ts'

interface Learnt {
  readonly stages: readonly StageResult[]
  readonly fits: readonly FitLine[]
}

/** Below such a gain throughput is taken for the same. */
const gainThatCounts = 1.15
/** A batch gains most where reading the weights from memory takes longer than computing with them. */
const gainOfLargeModels = 1.5
const smallGain =
  'That is little, as with small models: their weights are in the caches of the processor anyway, while a batch of a large one reads them once for all answers.'
const nearlyAll = 0.9

/** What the numbers of a sweep say, in words; nothing where they are too few. */
export function lessonsOf(kind: SweepKind, learnt: Learnt): string[] {
  const stages = learnt.stages.filter(({ completed, latency }) => completed > 0 && latency)
  return stages.length < 2 ? [] : lessons[kind]({ stages, fits: learnt.fits })
}

const lessons: Readonly<Record<SweepKind, (learnt: Learnt) => string[]>> = {
  concurrency: batching,
  rate: load,
  replay: () => [],
  'prompt-length': promptLength,
  'output-length': outputLength,
  model: models,
}

const throughput = ({ outputTokensPerSecond }: StageResult) => outputTokensPerSecond.value

function batching({ stages }: Learnt): string[] {
  const [first] = stages
  const best = stages.toSorted((a, b) => throughput(b) - throughput(a))[0]
  if (!first || !best) return []
  const gain = throughput(best) / throughput(first)
  if (gain < gainThatCounts) {
    return [
      `Asking more than ${first.x} at a time gained nothing: the server makes ${number(throughput(first))} output tokens a second either way, ` +
        `and more at a time only wait longer (latency p50 ${milliseconds(first.latency?.p50.value)}, with ${stages.at(-1)?.x} at a time ${milliseconds(stages.at(-1)?.latency?.p50.value)}).`,
    ]
  }
  const knee = stages.find((stage) => throughput(stage) >= throughput(best) * nearlyAll)
  return [
    `Batching: with ${best.x} requests at a time the server writes ${number(throughput(best))} tokens a second, ${times(gain)} what it does with ${first.x} (${number(throughput(first))}). ` +
      singleAnswer(first, best) +
      (gain < gainOfLargeModels ? ` ${smallGain}` : ''),
    ...(knee && knee.x < (stages.at(-1)?.x ?? 0)
      ? [
          knee === best
            ? `More than ${knee.x} at a time gain nothing; they only wait for each other.`
            : `${knee.x} at a time already give ${percent(throughput(knee) / throughput(best))} of the most; more of them mainly wait.`,
        ]
      : []),
  ]
}

/** What a batch does to one answer in it. */
function singleAnswer(first: StageResult, best: StageResult): string {
  const paying = (slower: number) => (slower > 1.05 ? 'Each single answer pays for it' : 'Each single answer')
  if (!first.tpot || !best.tpot) {
    const [before = 1, after = 0] = [first.latency?.p50.value, best.latency?.p50.value]
    return `${paying(after / before)}: ${milliseconds(after)} instead of ${milliseconds(before)} (${times(after / before)}).`
  }
  const slower = best.tpot.p50.value / first.tpot.p50.value
  return `${paying(slower)}: ${milliseconds(best.tpot.p50.value)} a token instead of ${milliseconds(first.tpot.p50.value)} (${times(slower)}), and ${milliseconds(best.ttft?.p50.value)} to its first token instead of ${milliseconds(first.ttft?.p50.value)}.`
}

function load({ stages }: Learnt): string[] {
  const keepsUp = ({ warnings, failed }: StageResult) =>
    failed === 0 && !warnings.some((each) => each.includes('did not keep up'))
  const held = stages.filter(keepsUp).at(-1)
  const lost = stages.find((stage) => !keepsUp(stage))
  if (!held) return [`The server kept up with none of these rates.`]
  const [name, of] = held.ttft ? ['TTFT', held.ttft] : ['latency', held.latency]
  const at = `${name} p99 ${milliseconds(of?.p99.value)}`
  return [
    lost && lost.x > held.x
      ? `The server keeps up with ${held.x} requests a second (${at}) and not with ${lost.x}.`
      : `The server kept up with all of them, up to ${held.x} requests a second (${at}).`,
  ]
}

function promptLength({ stages, fits }: Learnt): string[] {
  const [first, last] = [stages[0], stages.at(-1)]
  const [from, to] = [first?.ttft?.p50.value, last?.ttft?.p50.value]
  if (!first || !last || from === undefined || to === undefined) return []
  const fit = fits.find(({ kind, r2 }) => kind === 'ttft-by-prompt-tokens' && r2 >= fitThatCounts)
  const perHundred = fit && fit.b > 0 ? `: about ${milliseconds(fit.b * 100)} for each further 100 tokens` : ''
  return [
    `Prompt length: a prompt of ${whole(meanPrompt(last))} tokens takes ${milliseconds(to)} to the first token, one of ${whole(meanPrompt(first))} takes ${milliseconds(from)} (${times(to / from)})${perHundred}. ` +
      `The whole prompt is read before the first token is written; after that each token takes ${milliseconds(last.tpot?.p50.value)} instead of ${milliseconds(first.tpot?.p50.value)}.`,
  ]
}

function outputLength({ stages, fits }: Learnt): string[] {
  const [first, last] = [stages[0], stages.at(-1)]
  if (!first || !last) return []
  const fit = fits.find(({ kind, r2 }) => kind === 'latency-by-output-tokens' && r2 >= fitThatCounts)
  const line = fit
    ? ` Latency is about ${milliseconds(Math.max(0, fit.a))} + ${milliseconds(fit.b)} for each output token.`
    : ''
  return [
    `Output length: an answer of ${whole(meanOutput(last))} tokens takes ${milliseconds(last.latency?.p50.value)}, one of ${whole(meanOutput(first))} takes ${milliseconds(first.latency?.p50.value)}.${line} ` +
      'Tokens are written one after another: shorter answers are the surest way to lower latency.',
  ]
}

function models({ stages }: Learnt): string[] {
  const fastest = stages.toSorted((a, b) => (a.latency?.p50.value ?? 0) - (b.latency?.p50.value ?? 0))[0]
  const best = stages
    .filter(({ quality }) => quality)
    .toSorted((a, b) => (b.quality?.value ?? 0) - (a.quality?.value ?? 0))[0]
  const cheapest = stages
    .filter(({ costPerThousand }) => costPerThousand !== undefined)
    .toSorted((a, b) => (a.costPerThousand ?? 0) - (b.costPerThousand ?? 0))[0]
  const isSure = stages.every((each) => each === best || (each.quality?.high ?? 1) < (best?.quality?.low ?? 0))
  return [
    ...(fastest
      ? [`${fastest.model} is the fastest: ${milliseconds(fastest.latency?.p50.value)} for half of its answers.`]
      : []),
    ...(best?.quality
      ? [
          `${best.model} is right most often (${percent(best.quality.value)})${isSure ? '' : ', which so few questions do not prove'}.`,
        ]
      : []),
    ...(cheapest
      ? [`${cheapest.model} costs least: $${number(cheapest.costPerThousand ?? 0)} for a thousand requests.`]
      : []),
  ]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function meanPrompt({ promptTokens, completed }: StageResult): number {
  return promptTokens / Math.max(1, completed)
}

export function meanOutput({ outputTokens, completed }: StageResult): number {
  return outputTokens / Math.max(1, completed)
}
