import { InferloomError, type ErrorCode } from '../canonical/errors.ts'
import { noAnswer, type Outcome } from './outcome.ts'
import type { BenchRequest } from './request.ts'
import { randomText } from './synthetic.ts'
import type { Manner, Target } from './target.ts'

/** What a few requests found out before the measuring. */
export interface Calibration {
  /** Of the words that synthetic prompts are made of. */
  readonly tokensPerWord: number
  /** Of the chat template around a prompt. */
  readonly overheadTokens: number
  /** Whether the server says how many tokens there were. */
  readonly countsTokens: boolean
  readonly manner: Manner
}

const fewWords = 12
const manyWords = 96
const longProbes = 5
/** Tokens by which it is seen whether a model can be kept writing. */
const writtenTokens = 48
/** Of common English words, for servers that do not count. */
const usualTokensPerWord = 1.3
const usualOverhead = 8

/** Asks a few times to learn how long prompts become and how this server wants to be asked. Throws where it cannot be. */
export async function calibrate(target: Target, random: () => number): Promise<Calibration> {
  const ask = (words: number, maxTokens: number, keepWriting = false) => {
    const messages = [{ role: 'user' as const, content: randomText(words, random) }]
    return target.ask({ messages, maxTokens, keepWriting } satisfies BenchRequest)
  }
  let few = await ask(fewWords, 16)
  for (const maxTokensField of target.wire.maxTokensFields?.slice(1) ?? []) {
    if (few.outcome.error?.startsWith('http 400') !== true) break
    target.manner = { maxTokensField }
    const again = await ask(fewWords, 16)
    if (isAnswer(again.outcome)) few = again
    else target.manner = {}
  }
  if (!isAnswer(few.outcome)) throw refusal(target, few.outcome.error ?? '', few.message)
  // Words differ in tokens: one prompt alone may be a tenth off.
  const many: Outcome[] = []
  for (let probe = 0; probe < longProbes; probe++) many.push((await ask(manyWords, 1)).outcome)
  const countsTokens = few.outcome.estimated !== 'both' && many.every(isAnswer)
  const mean = many.reduce((sum, { promptTokens }) => sum + promptTokens, 0) / longProbes
  const slope = (mean - few.outcome.promptTokens) / (manyWords - fewWords)
  const isUsable = countsTokens && slope > 0.2 && slope < 20
  const manner = await keepWriting(target, async () => (await ask(fewWords, writtenTokens, true)).outcome)
  target.manner = manner
  return {
    tokensPerWord: isUsable ? slope : usualTokensPerWord,
    overheadTokens: isUsable ? Math.max(0, few.outcome.promptTokens - slope * fewWords) : usualOverhead,
    countsTokens: few.outcome.estimated === 'none',
    manner,
  }
}

/** Servers ignore fields that they do not know, or refuse them: what helps is seen by what is written. */
async function keepWriting(target: Target, write: () => Promise<Outcome>): Promise<Manner> {
  const plain = target.manner
  for (const fields of target.wire.keepWriting) {
    target.manner = { ...plain, keepWriting: fields }
    const { error, outputTokens, estimated } = await write()
    if (error === undefined && estimated === 'none' && outputTokens >= writtenTokens) return target.manner
  }
  return plain
}

/** A model may end before its first token, which is still an answer. */
function isAnswer({ error }: Outcome): boolean {
  return error === undefined || error === 'no tokens'
}

type Known = readonly [error: RegExp, code: ErrorCode, remedy: string]

const otherwise: Known = [/^/, 'server_unreachable', 'Try again.']

const codes: readonly Known[] = [
  [/^http 401/, 'invalid_api_key', 'Name the environment variable that holds its key: --key-env NAME.'],
  [/^http 403/, 'provider_permission_denied', 'Name the environment variable that holds its key: --key-env NAME.'],
  [/^http 404/, 'model_not_found', 'Check the address, --model and --dialect.'],
  [/^http 4/, 'provider_refused', 'Check --model, --dialect and --body.'],
  [/^http/, 'provider_failed', 'See the log of the server.'],
  [/^timeout|^no connection in time/, 'provider_timeout', 'Check that it runs, or raise --timeout.'],
  [/^not |^unreadable|^cut off|^error in/, 'provider_invalid_reply', 'Check the address and --dialect.'],
]

function refusal(target: Target, error: string, message: string): InferloomError {
  const said = message === '' ? '' : `: ${message}`
  if (noAnswer.has(error) && error === 'unreachable') {
    const text = `No server answers at ${target.url}. Remedy: start it, or check the address.`
    return new InferloomError('server_unreachable', text)
  }
  const [, code, remedy] = codes.find(([pattern]) => pattern.test(error)) ?? otherwise
  return new InferloomError(
    code,
    `The first request to ${target.url} for '${target.model.slice(0, 100)}' failed (${error})${said} Remedy: ${remedy}`,
  )
}
