// https://github.com/vercel/ai/blob/main/packages/provider/src/language-model/v4/language-model-v4-stream-part.ts
import { InferloomError } from '../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../canonical/events.ts'
import type { Sealed } from '../canonical/request.ts'
import type { Usage } from '../canonical/usage.ts'
import { aiSdkError, refuseWarnings } from './ai-sdk-errors.ts'
import { countOf, isRecord, recordOf, textOf } from './wire/fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** Understands the parts of one answer, in any version of the specification. */
export class AiSdkReader {
  readonly #provider: string
  readonly #wire: string
  /** Index of each call by its id. */
  readonly #calls = new Map<string, number>()
  #finished = false

  constructor(provider: string, wire: string) {
    this.#provider = provider
    this.#wire = wire
  }

  read(given: unknown): readonly StreamEvent[] {
    const part = recordOf(given)
    const choiceIndex = 0
    const text = textOf(part['delta'])
    switch (part['type']) {
      case 'stream-start':
        refuseWarnings(part['warnings'], this.#provider)
        return []
      case 'response-metadata':
        return metadata(part)
      case 'text-delta':
        return text === undefined ? [] : [{ type: 'text-delta', choiceIndex, text }]
      case 'reasoning-delta':
        return text === undefined ? [] : [{ type: 'reasoning-delta', choiceIndex, text }]
      case 'reasoning-end': {
        const seal = this.#seal(part)
        return seal ? [{ type: 'reasoning-end', choiceIndex, signature: seal }] : []
      }
      case 'source':
        return this.#source(part)
      case 'error':
        throw aiSdkError(part['error'], this.#provider)
      case 'finish':
        return this.#finish(part)
      // They only say that something begins, ends or goes on.
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'ping':
      case 'raw':
        return []
      default:
        return this.#toolPart(part)
    }
  }

  end(): void {
    if (this.#finished) return
    const message = `${this.#provider} ended its answer before it was complete. Remedy: try again.`
    throw new InferloomError('provider_invalid_reply', message)
  }

  #toolPart(part: Fields): readonly StreamEvent[] {
    // What the provider ran itself is no call for the client to run.
    if (part['providerExecuted'] === true) return this.#raw(part)
    const choiceIndex = 0
    const id = textOf(part['id']) ?? textOf(part['toolCallId']) ?? ''
    const toolIndex = this.#calls.get(id)
    switch (part['type']) {
      case 'tool-input-start':
        return this.#start(part, id)
      case 'tool-input-delta': {
        const delta = textOf(part['delta'])
        return toolIndex === undefined || !delta ? [] : [{ type: 'tool-input-delta', choiceIndex, toolIndex, delta }]
      }
      case 'tool-input-end':
        return toolIndex === undefined ? [] : [{ type: 'tool-input-end', choiceIndex, toolIndex }]
      case 'tool-call':
        // Some packages tell of a call in pieces and then again as a whole, some only as a whole.
        return toolIndex === undefined ? this.#wholeCall(part, id) : []
      default:
        return this.#raw(part)
    }
  }

  #start(part: Fields, id: string): readonly StreamEvent[] {
    const toolName = textOf(part['toolName'])
    if (id === '' || toolName === undefined) {
      throw new InferloomError('provider_invalid_reply', `${this.#provider} sent a tool call without an id or a name.`)
    }
    const toolIndex = this.#calls.size
    this.#calls.set(id, toolIndex)
    const seal = this.#seal(part)
    return [{ type: 'tool-input-start', choiceIndex: 0, toolIndex, id, toolName, ...(seal && { signature: seal }) }]
  }

  #wholeCall(part: Fields, id: string): readonly StreamEvent[] {
    const start = this.#start(part, id)
    const toolIndex = this.#calls.size - 1
    return [
      ...start,
      { type: 'tool-input-delta', choiceIndex: 0, toolIndex, delta: textOf(part['input']) ?? '{}' },
      { type: 'tool-input-end', choiceIndex: 0, toolIndex },
    ]
  }

  #source(part: Fields): readonly StreamEvent[] {
    const url = textOf(part['url'])
    const title = textOf(part['title'])
    if (part['sourceType'] !== 'url' || url === undefined) return this.#raw(part)
    return [{ type: 'source', choiceIndex: 0, url, ...(title !== undefined && { title }) }]
  }

  #raw(value: Fields): readonly StreamEvent[] {
    return [{ type: 'raw', choiceIndex: 0, wire: this.#wire, value }]
  }

  /** What a package attaches to a part it wants to see again with it. */
  #seal(part: Fields): Sealed | undefined {
    const attached = part['providerMetadata']
    return isRecord(attached) ? { wire: this.#wire, value: JSON.stringify(attached) } : undefined
  }

  #finish(part: Fields): readonly StreamEvent[] {
    const given = part['finishReason']
    const reason = typeof given === 'string' ? given : textOf(recordOf(given)['unified'])
    const raw = typeof given === 'string' ? given : textOf(recordOf(given)['raw'])
    if (reason === 'error') {
      throw new InferloomError('provider_failed', `${this.#provider} broke off its answer. Remedy: try again.`)
    }
    this.#finished = true
    return [
      {
        type: 'text-end',
        choiceIndex: 0,
        finishReason: finishReasons.find((each) => each === reason) ?? 'stop',
        ...(raw !== undefined && { rawFinishReason: raw }),
      },
      { type: 'finish', usage: aiSdkUsage(part['usage']) },
    ]
  }
}

const finishReasons: readonly FinishReason[] = ['stop', 'length', 'tool-calls', 'content-filter']

function metadata(part: Fields): readonly StreamEvent[] {
  const id = textOf(part['id'])
  const model = textOf(part['modelId'])
  if (id === undefined && model === undefined) return []
  return [{ type: 'response-metadata', ...(id !== undefined && { id }), ...(model !== undefined && { model }) }]
}

/** Numbers up to version 2, objects since. */
function aiSdkUsage(given: unknown): Usage {
  const usage = recordOf(given)
  const input = recordOf(usage['inputTokens'])
  const output = recordOf(usage['outputTokens'])
  const written = countOf(input['cacheWrite'])
  return {
    inputTokens: {
      total: countOf(usage['inputTokens']) ?? countOf(input['total']) ?? 0,
      cacheRead: countOf(usage['cachedInputTokens']) ?? countOf(input['cacheRead']) ?? 0,
      ...(written !== undefined && { cacheWrite: written }),
    },
    outputTokens: {
      total: countOf(usage['outputTokens']) ?? countOf(output['total']) ?? 0,
      reasoning: countOf(usage['reasoningTokens']) ?? countOf(output['reasoning']) ?? 0,
    },
    raw: usage['raw'] ?? usage,
  }
}
