// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
import { z } from 'zod'
import type { StreamEvent } from '../../canonical/events.ts'
import { wire } from './bedrock-converse-messages.ts'
import { converseRefusal } from './bedrock-converse-refusal.ts'
import { ConverseReader, elsewhere, textEnd } from './bedrock-converse-reader.ts'
import { converseRequest } from './bedrock-converse-request.ts'
import { converseUsage, usage } from './bedrock-converse-usage.ts'
import { checked } from './read-json.ts'
import type { GenerateWire } from './wire.ts'

const block = z
  .object({
    text: z.string().optional(),
    toolUse: z.object({ toolUseId: z.string(), name: z.string(), input: z.unknown().optional() }).optional(),
    reasoningContent: z
      .object({
        reasoningText: z.object({ text: z.string(), signature: z.string().optional() }).optional(),
        redactedContent: z.string().optional(),
      })
      .optional(),
    citationsContent: z
      .object({ content: z.array(z.object({ text: z.string().optional() })), citations: z.array(z.unknown()) })
      .partial()
      .optional(),
  })
  .loose()

type Block = z.infer<typeof block>

const reply = z.object({
  output: z.object({ message: z.object({ content: z.array(block) }) }),
  stopReason: z.string(),
  usage: usage.optional(),
  serviceTier: z.object({ type: z.string() }).optional(),
  additionalModelResponseFields: z.unknown().optional(),
})

export const bedrockConverse: GenerateWire = {
  name: wire,
  framing: 'aws-event-stream',
  request: converseRequest,
  whole(body) {
    const { output, stopReason, usage = {}, serviceTier, additionalModelResponseFields } = checked(reply, body)
    let tools = 0
    return [
      ...output.message.content.flatMap((each) => eventsOf(each, each.toolUse ? tools++ : 0)),
      textEnd(stopReason, additionalModelResponseFields),
      { type: 'finish', usage: converseUsage(usage, serviceTier?.type) },
    ]
  },
  reader: () => new ConverseReader(),
  refusal: converseRefusal,
}

function eventsOf(content: Block, toolIndex: number): readonly StreamEvent[] {
  const { text, toolUse, reasoningContent, citationsContent } = content
  const choiceIndex = 0
  if (text !== undefined) return [{ type: 'text-delta', choiceIndex, text }]
  if (toolUse) {
    const { toolUseId: id, name: toolName, input } = toolUse
    return [
      { type: 'tool-input-start', choiceIndex, toolIndex, id, toolName },
      { type: 'tool-input-delta', choiceIndex, toolIndex, delta: JSON.stringify(input ?? {}) },
      { type: 'tool-input-end', choiceIndex, toolIndex },
    ]
  }
  if (reasoningContent) return thoughtsOf(reasoningContent)
  if (!citationsContent) return elsewhere(content)
  const { content: texts = [], citations = [] } = citationsContent
  return [
    { type: 'text-delta', choiceIndex, text: texts.map((each) => each.text ?? '').join('') },
    ...citations.flatMap((citation) => elsewhere({ citation })),
  ]
}

function thoughtsOf({
  reasoningText,
  redactedContent,
}: NonNullable<Block['reasoningContent']>): readonly StreamEvent[] {
  const seals = {
    ...(reasoningText?.signature !== undefined && { signature: { wire, value: reasoningText.signature } }),
    ...(redactedContent !== undefined && { encrypted: { wire, value: redactedContent } }),
  }
  return [
    ...(reasoningText ? [{ type: 'reasoning-delta' as const, choiceIndex: 0, text: reasoningText.text }] : []),
    ...(Object.keys(seals).length > 0 ? [{ type: 'reasoning-end' as const, choiceIndex: 0, ...seals }] : []),
  ]
}
