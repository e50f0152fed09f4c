// How each wire frames the events of a stream.
import { awsEvent } from '../aws-event-stream-fixture.ts'
import { sse, type UpstreamAnswer } from '../upstream-fixture.ts'

export const wireNames = [
  'openai-chat',
  'openai-completions',
  'openai-responses',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'cohere-chat',
] as const

export type WireName = (typeof wireNames)[number]

/** Under which address each is asked. */
export const wirePaths: Readonly<Record<WireName, RegExp>> = {
  'openai-chat': /\/chat\/completions$/,
  'openai-completions': /(?<!chat)\/completions$/,
  'openai-responses': /\/responses$/,
  'anthropic-messages': /\/v1\/messages$/,
  gemini: /:(generateContent|streamGenerateContent\?alt=sse)$/,
  'bedrock-converse': /\/converse(-stream)?$/,
  'cohere-chat': /\/v2\/chat$/,
}

export function framed(wire: WireName, payloads: readonly unknown[]): UpstreamAnswer {
  switch (wire) {
    case 'bedrock-converse':
      return {
        headers: { 'content-type': 'application/vnd.amazon.eventstream' },
        // Each payload names its event: {"messageStart": {…}}. A hostile one may be nothing at all.
        body: Buffer.concat(payloads.flatMap((each) => Object.entries(each ?? {}).map((one) => awsEvent(...one)))),
      }
    case 'anthropic-messages':
    case 'openai-responses':
    case 'cohere-chat':
      return {
        headers: { 'content-type': 'text/event-stream; charset=utf-8' },
        body: payloads
          .map((each) => `event: ${(each as { type: string } | null)?.type}\ndata: ${JSON.stringify(each)}\n\n`)
          .join(''),
      }
    case 'openai-chat':
    case 'openai-completions':
      return sse([...payloads.map((each) => JSON.stringify(each)), '[DONE]'])
    case 'gemini':
      // Google ends its lines as the older standard has it.
      return {
        headers: { 'content-type': 'text/event-stream' },
        body: payloads.map((each) => `data: ${JSON.stringify(each)}\r\n\r\n`).join(''),
      }
  }
}
