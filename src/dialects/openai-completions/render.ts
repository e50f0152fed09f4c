// https://platform.openai.com/docs/api-reference/completions/object
import type { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent, TokenLogprobs } from '../../canonical/events.ts'
import type { AnswerWriter } from '../dialect.ts'
import { collect } from '../collect.ts'
import { errorEvent } from '../openai/error-body.ts'
import { usageBody } from '../openai/usage.ts'

interface CompletionWriterOptions {
  readonly id: string
  readonly model: string
  readonly logprobs: boolean
  readonly includeUsage: boolean
}

export class CompletionWriter implements AnswerWriter {
  readonly #options: CompletionWriterOptions
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #head: string
  readonly #tail: string
  /** Characters of each choice so far, for `text_offset`. */
  readonly #offsets: number[] = []

  constructor(options: CompletionWriterOptions) {
    this.#options = options
    const head = JSON.stringify({ ...this.#identity(), choices: [] })
    this.#head = `data: ${head.slice(0, -']}'.length)}`
    this.#tail = options.includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  }

  #identity() {
    const { id, model } = this.#options
    return { id: `cmpl-${id}`, object: 'text_completion', created: this.#created, model }
  }

  chunk(events: readonly StreamEvent[]): string {
    let out = ''
    for (const event of events) {
      switch (event.type) {
        case 'text-delta': {
          const offset = this.#offsets[event.choiceIndex] ?? 0
          this.#offsets[event.choiceIndex] = offset + event.text.length
          const logprobs = event.logprobs ? JSON.stringify(logprobsBody(event.logprobs, offset)) : 'null'
          out += this.#choice(event.choiceIndex, JSON.stringify(event.text), logprobs, 'null')
          break
        }
        case 'text-end':
          out += this.#choice(event.choiceIndex, '""', 'null', `"${event.finishReason}"`)
          break
        case 'finish':
          if (this.#options.includeUsage) out += `${this.#head}],"usage":${JSON.stringify(usageBody(event.usage))}}\n\n`
          break
        // A bare prompt's answer is all text.
        case 'response-metadata':
        case 'refusal-delta':
        case 'reasoning-delta':
        case 'reasoning-end':
        case 'tool-input-start':
        case 'tool-input-delta':
        case 'tool-input-end':
        case 'source':
        case 'raw':
          break
      }
    }
    return out
  }

  #choice(index: number, text: string, logprobs: string, finishReason: string): string {
    return `${this.#head}{"text":${text},"index":${index},"logprobs":${logprobs},"finish_reason":${finishReason}}${this.#tail}`
  }

  end(): string {
    return 'data: [DONE]\n\n'
  }

  fail(error: InferloomError): string {
    return errorEvent(error)
  }

  whole(events: readonly StreamEvent[]): string {
    const { choices, usage } = collect(events)
    return JSON.stringify({
      ...this.#identity(),
      choices: choices.map(({ text, logprobs, finishReason }, index) => ({
        text,
        index,
        logprobs: this.#options.logprobs ? logprobsBody(logprobs, 0) : null,
        finish_reason: finishReason,
      })),
      usage: usageBody(usage),
    })
  }
}

function logprobsBody(logprobs: readonly TokenLogprobs[], start: number) {
  let offset = start
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: logprobs.map(({ token }) => {
      const at = offset
      offset += token.length
      return at
    }),
  }
}
