import type { GenerateRequest } from '../canonical/request.ts'

/** English text has about four bytes a token, and others have longer tokens in bytes. */
const bytesPerToken = 4
/** What a template writes around each message. */
const messageTokens = 4
/** Of an image of ordinary size: https://platform.claude.com/docs/en/build-with-claude/vision#calculate-image-costs */
const imageTokens = 1600
/** Of a page: https://platform.claude.com/docs/en/build-with-claude/pdf-support#estimate-your-costs */
const fileTokens = 2250

/** How long a prompt is, about, where nobody counts it. */
export function estimateTokens({ input, tools = [] }: GenerateRequest): number {
  let bytes = tools.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(tools))
  let tokens = 0
  for (const { content, toolCalls = [], reasoning = '' } of input.kind === 'chat' ? input.messages : []) {
    tokens += messageTokens
    bytes += Buffer.byteLength(reasoning)
    for (const call of toolCalls) bytes += Buffer.byteLength(call.name) + Buffer.byteLength(call.arguments)
    for (const part of typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content) {
      if (part.type === 'text') bytes += Buffer.byteLength(part.text)
      else tokens += part.type === 'image' ? imageTokens : fileTokens
    }
  }
  return tokens + Math.ceil(bytes / bytesPerToken)
}
