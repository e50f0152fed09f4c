// https://ai.google.dev/api/generate-content#v1beta.Candidate
import type { ChoiceEvent, FinishReason, TokenLogprob, TokenLogprobs } from '../../canonical/events.ts'
import { isRecord } from '../parse-body.ts'
import { packSeals, wire } from './sealed-thoughts.ts'

type Json = Readonly<Record<string, unknown>>

interface Call {
  readonly id: string
  readonly name: string
  readonly seal: Json
  text: string
  complete: boolean
}

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
}

/** A call's arguments that were longer than this in a message are cut there. */
const mostShown = 500

/** Collects what one candidate says, and gives it out in parts. */
export class CandidateParts {
  readonly #showThoughts: boolean
  #parts: Json[] = []
  #logprobs: TokenLogprobs[] = []
  readonly #calls = new Map<number, Call>()
  /** What was thought since the last seal, which may prove it. */
  #thoughts = ''
  #sources: Json[] = []
  #beside: Json = {}
  #end: Json = { finishReason: 'STOP' }
  #malformed: string | undefined

  constructor(showThoughts: boolean) {
    this.#showThoughts = showThoughts
  }

  add(event: ChoiceEvent): void {
    switch (event.type) {
      case 'text-delta':
        if (event.logprobs) this.#logprobs.push(...event.logprobs)
        return this.#say(event.text, false)
      case 'refusal-delta':
        return this.#say(event.text, false)
      case 'reasoning-delta':
        this.#thoughts += event.text
        return this.#showThoughts ? this.#say(event.text, true) : undefined
      case 'reasoning-end':
        return this.#seal(event)
      case 'tool-input-start': {
        const { id, toolName: name, signature } = event
        const seal = sealOf(signature && packSeals({ signature }))
        this.#calls.set(event.toolIndex, { id, name, seal, text: '', complete: false })
        return
      }
      case 'tool-input-delta': {
        const call = this.#calls.get(event.toolIndex)
        if (call) call.text += event.delta
        return
      }
      case 'tool-input-end':
        return this.#endCall(event.toolIndex)
      case 'source': {
        const { url: uri, title } = event
        this.#sources.push({ web: { uri, ...(title !== undefined && { title }) } })
        return
      }
      case 'raw':
        return event.wire === wire && isRecord(event.value) ? this.#raw(event.value) : undefined
      case 'text-end': {
        for (const index of this.#calls.keys()) this.#call(index)
        this.#end = { finishReason: reasonOf(event.finishReason, event.rawFinishReason) }
      }
    }
  }

  /** What came since the last time; undefined where nothing did. */
  take(): Json | undefined {
    if (this.#parts.length === 0) return undefined
    return this.#candidate({})
  }

  /** The rest of it, with how it ended. A last part is there even where nothing is left to say, as at Google. */
  last(): Json {
    if (this.#parts.length === 0) this.#parts.push({ text: '' })
    const grounding = this.#sources.length > 0 ? { groundingMetadata: { groundingChunks: this.#sources } } : {}
    const malformed = this.#malformed
    const end =
      malformed === undefined
        ? this.#end
        : { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: `Malformed function call: ${malformed}` }
    return this.#candidate({ ...grounding, ...this.#beside, ...end })
  }

  #candidate(more: Json): Json {
    const logprobs = this.#logprobs
    const parts = this.#parts
    this.#parts = []
    this.#logprobs = []
    return {
      content: { parts, role: 'model' },
      ...more,
      ...(logprobs.length > 0 && { logprobsResult: logprobsResult(logprobs) }),
    }
  }

  #say(text: string, thought: boolean): void {
    const last = this.#parts.at(-1)
    const goesOn =
      typeof last?.['text'] === 'string' && !last['thoughtSignature'] && (last['thought'] ?? false) === thought
    if (goesOn) this.#parts[this.#parts.length - 1] = { ...last, text: String(last['text']) + text }
    else this.#parts.push({ text, ...(thought && { thought }) })
  }

  /** What Google sealed belongs to what was said last; what others did, to what was thought. */
  #seal({ id, signature, encrypted }: Extract<ChoiceEvent, { type: 'reasoning-end' }>): void {
    const hidden = this.#showThoughts ? {} : { text: this.#thoughts }
    this.#thoughts = ''
    const own = signature?.wire === wire
    const packed = packSeals({
      ...(signature && { signature }),
      ...(encrypted && { encrypted }),
      ...(id !== undefined && { id }),
      ...(!own && hidden),
    })
    if (packed === undefined) return
    const last = this.#parts.at(-1)
    const isText = typeof last?.['text'] === 'string' && !last['thoughtSignature']
    if (isText && (own || last['thought'] === true)) {
      this.#parts[this.#parts.length - 1] = { ...last, thoughtSignature: packed }
    } else this.#parts.push({ text: '', ...(!own && { thought: true }), thoughtSignature: packed })
  }

  /** Calls may come side by side; they are written in the order in which they began, as only the first of them is sealed. */
  #endCall(toolIndex: number): void {
    const ended = this.#calls.get(toolIndex)
    if (ended) ended.complete = true
    for (const [index, { complete }] of this.#calls) {
      if (!complete) return
      this.#call(index)
    }
  }

  /** Arguments are an object on this wire; what is none is what Google calls a malformed call, and is not to be run. */
  #call(toolIndex: number): void {
    const call = this.#calls.get(toolIndex)
    this.#calls.delete(toolIndex)
    if (!call) return
    const { id, name, text, seal } = call
    const args = argumentsOf(text)
    if (args) this.#parts.push({ functionCall: { id, name, args }, ...seal })
    else this.#malformed ??= `${name}(${text.slice(0, mostShown)})`
  }

  #raw({ part, beside }: Json): void {
    if (isRecord(part)) this.#parts.push(part)
    if (isRecord(beside)) this.#beside = beside
  }
}

function sealOf(thoughtSignature: string | undefined): Json {
  return thoughtSignature === undefined ? {} : { thoughtSignature }
}

function argumentsOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Google's own words say more than ours. */
function reasonOf(reason: FinishReason, raw: string | undefined): string {
  const own = raw !== undefined && reason === 'content-filter' && /^[A-Z_]{3,40}$/.test(raw)
  return own ? raw : finishReasons[reason]
}

/** https://ai.google.dev/api/generate-content#LogprobsResult */
function logprobsResult(logprobs: readonly TokenLogprobs[]): Json {
  return {
    chosenCandidates: logprobs.map(tokenBody),
    ...(logprobs.some(({ top }) => top.length > 0) && {
      topCandidates: logprobs.map(({ top }) => ({ candidates: top.map(tokenBody) })),
    }),
  }
}

function tokenBody({ token, logprob: logProbability }: TokenLogprob): Json {
  return { token, logProbability }
}
