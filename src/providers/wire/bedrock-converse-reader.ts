// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'
import type { Sealed } from '../../canonical/request.ts'
import { wire } from './bedrock-converse-messages.ts'
import { converseException } from './bedrock-converse-refusal.ts'
import { converseUsage, usage as usageSchema, type ConverseUsage } from './bedrock-converse-usage.ts'
import { checkedJson } from './read-json.ts'
import type { StreamReader, WireEvent } from './wire.ts'

const blockIndex = z.int().min(0)
const start = z.object({
  contentBlockIndex: blockIndex,
  start: z.object({ toolUse: z.object({ toolUseId: z.string(), name: z.string() }).optional() }),
})
const delta = z.object({
  contentBlockIndex: blockIndex,
  delta: z
    .object({
      text: z.string().optional(),
      toolUse: z.object({ input: z.string() }).optional(),
      reasoningContent: z
        .object({ text: z.string(), signature: z.string(), redactedContent: z.string() })
        .partial()
        .optional(),
    })
    .loose(),
})
const blockStop = z.object({ contentBlockIndex: blockIndex })
const messageStop = z.object({ stopReason: z.string(), additionalModelResponseFields: z.unknown().optional() })
const metadata = z.object({ usage: usageSchema.optional(), serviceTier: z.object({ type: z.string() }).optional() })
const exception = z.object({ message: z.string().optional() })

/** A block of which something has come and not the end. */
type Open = { readonly kind: 'tool'; readonly toolIndex: number } | { readonly kind: 'thoughts'; seals: Seals }

interface Seals {
  readonly signature?: Sealed
  readonly encrypted?: Sealed
}

export class ConverseReader implements StreamReader {
  readonly #open = new Map<number, Open>()
  #tools = 0
  #stopped = false
  #usage: ConverseUsage = {}
  #tier: string | undefined

  read({ event = '', data }: WireEvent): readonly StreamEvent[] {
    switch (event) {
      case 'messageStart':
        return []
      case 'contentBlockStart':
        return this.#start(checkedJson(start, data))
      case 'contentBlockDelta':
        return this.#delta(checkedJson(delta, data))
      case 'contentBlockStop':
        return this.#stop(checkedJson(blockStop, data).contentBlockIndex)
      case 'messageStop': {
        const { stopReason, additionalModelResponseFields: fields } = checkedJson(messageStop, data)
        this.#stopped = true
        return [textEnd(stopReason, fields)]
      }
      case 'metadata': {
        // The service sends it last, others that speak its wire also before the stop: the end waits for both.
        const { usage, serviceTier } = checkedJson(metadata, data)
        if (usage) this.#usage = usage
        this.#tier = serviceTier?.type
        return []
      }
      default:
        if (event.endsWith('Exception')) throw converseException(event, checkedJson(exception, data).message)
        // Kinds of events that come later must not end the stream.
        return []
    }
  }

  end(): readonly StreamEvent[] {
    if (this.#stopped) return [{ type: 'finish', usage: converseUsage(this.#usage, this.#tier) }]
    throw new InferloomError(
      'provider_invalid_reply',
      "The provider's stream ended before its messageStop: it was cut.",
    )
  }

  #start({ contentBlockIndex, start: { toolUse } }: z.infer<typeof start>): readonly StreamEvent[] {
    if (!toolUse) return []
    const toolIndex = this.#tools++
    this.#open.set(contentBlockIndex, { kind: 'tool', toolIndex })
    return [{ type: 'tool-input-start', choiceIndex: 0, toolIndex, id: toolUse.toolUseId, toolName: toolUse.name }]
  }

  #delta({ contentBlockIndex, delta: piece }: z.infer<typeof delta>): readonly StreamEvent[] {
    const { text, toolUse, reasoningContent: thoughts } = piece
    if (text !== undefined) return text === '' ? [] : [{ type: 'text-delta', choiceIndex: 0, text }]
    if (toolUse) return this.#toolDelta(contentBlockIndex, toolUse.input)
    if (thoughts) return this.#thoughtDelta(contentBlockIndex, thoughts)
    return elsewhere(piece)
  }

  #toolDelta(index: number, input: string): readonly StreamEvent[] {
    const block = this.#open.get(index)
    if (block?.kind === 'tool') {
      return [{ type: 'tool-input-delta', choiceIndex: 0, toolIndex: block.toolIndex, delta: input }]
    }
    throw new InferloomError('provider_invalid_reply', 'The provider went on with a tool call that it never began.')
  }

  #thoughtDelta(
    index: number,
    thoughts: { text?: string | undefined; signature?: string | undefined; redactedContent?: string | undefined },
  ) {
    const { text, signature, redactedContent } = thoughts
    const known = this.#open.get(index)
    const before = known?.kind === 'thoughts' ? known.seals : {}
    const seals: Seals = {
      ...before,
      ...(signature !== undefined && { signature: { wire, value: signature } }),
      ...(redactedContent !== undefined && { encrypted: { wire, value: redactedContent } }),
    }
    this.#open.set(index, { kind: 'thoughts', seals })
    return text === undefined || text === '' ? [] : [{ type: 'reasoning-delta' as const, choiceIndex: 0, text }]
  }

  #stop(index: number): readonly StreamEvent[] {
    const block = this.#open.get(index)
    this.#open.delete(index)
    if (block?.kind === 'tool') return [{ type: 'tool-input-end', choiceIndex: 0, toolIndex: block.toolIndex }]
    if (block?.kind !== 'thoughts' || !(block.seals.signature ?? block.seals.encrypted)) return []
    return [{ type: 'reasoning-end', choiceIndex: 0, ...block.seals }]
  }
}

const citation = z.object({
  title: z.string().optional(),
  location: z.object({ web: z.object({ url: z.string() }).optional() }).optional(),
})

/** A citation of a page is a source; what else there is stays as it came. */
export function elsewhere(content: Readonly<Record<string, unknown>>): readonly StreamEvent[] {
  const cited = citation.safeParse(content['citation']).data
  const url = cited?.location?.web?.url
  if (url === undefined) return [{ type: 'raw', choiceIndex: 0, wire, value: content }]
  return [{ type: 'source', choiceIndex: 0, url, ...(cited?.title !== undefined && { title: cited.title }) }]
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  content_filtered: 'content-filter',
  guardrail_intervened: 'content-filter',
}

/** What the model itself was asked for beside the answer, at the two places where it says it. */
const stopFields = z.union([
  z.object({ delta: z.object({ stop_sequence: z.string() }) }).transform(({ delta }) => delta.stop_sequence),
  z.object({ stop_sequence: z.string() }).transform((fields) => fields.stop_sequence),
])

export function textEnd(reason: string, modelFields: unknown): StreamEvent {
  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html
  if (reason.startsWith('malformed_')) {
    const message = `The model wrote what the provider could not read (${reason.slice(0, 60)}). Remedy: try again.`
    throw new InferloomError('provider_failed', message)
  }
  const finishReason = Object.hasOwn(finishReasons, reason) ? finishReasons[reason] : undefined
  const stopString = stopFields.safeParse(modelFields).data
  return {
    type: 'text-end',
    choiceIndex: 0,
    finishReason: finishReason ?? 'stop',
    rawFinishReason: reason,
    ...(stopString !== undefined && { stopString }),
  }
}
