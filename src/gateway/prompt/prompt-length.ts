import type { GenerateRequest, Message, Part, Tool } from '../../canonical/request.ts'

/** Of the marks around a message, its role among them. */
const perMessage = 4
/** An image of ordinary size, and one that is to be looked at roughly. */
const perImage = 1600
const perRoughImage = 300
/** What is behind an address is not known before it is read: a few pages. */
const perLinkedFile = 8000
/** A page of a PDF takes up to 3,000 tokens as text and image, and is seldom smaller than 50 KB. */
const bytesPerPageToken = 16
/** A second of sound takes up to 32 tokens and 16 KB. */
const bytesPerSoundToken = 400

/**
 * About how many tokens a text has, rather too many than too few: a word of Latin letters has one for every five letters
 * begun and for every capital within it, a number one for every two digits, signs one for every three together, other
 * scripts one for every character or two. Of prose, code, JSON and tables that is 0.9 to 1.4 times what two tokenizers in
 * use say (o200k, cl100k), and 0.75 times of base64.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  let run = 0
  let kind = blank
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const is = code < 0x80 ? (kinds[code] ?? blank) : code < 0x0600 ? accented : other
    // A capital goes on into small letters; small letters do not go on into a capital.
    if (is !== kind && !(kind === capital && is === letter)) run = 0
    kind = is
    tokens += run++ % (most[is] ?? 1) === 0 ? (weights[is] ?? 1) : 0
  }
  return Math.ceil(tokens)
}

const blank = 0
const letter = 1
const capital = 2
const digit = 3
const sign = 4
const accented = 5
const other = 6
/** Characters of a kind that are one token together, and what they weigh: a blank belongs to the word after it. */
const most = [1_000_000, 5, 3, 2, 3, 2, 1]
const weights = [0, 1, 1, 1, 1, 0.8, 1]
const kinds = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === 0x20) return blank
  if (code >= 0x61 && code <= 0x7a) return letter
  if (code >= 0x41 && code <= 0x5a) return capital
  return code >= 0x30 && code <= 0x39 ? digit : sign
})

/** Tokens of a whole prompt: its messages and its tools. */
export function estimatePrompt({ input, tools = [] }: GenerateRequest): number {
  let tokens = estimateTools(tools)
  if (input.kind === 'chat') {
    for (const message of input.messages) tokens += estimateMessage(message)
    return tokens
  }
  for (const prompt of input.prompts) tokens += typeof prompt === 'string' ? estimateTokens(prompt) : prompt.length
  return tokens
}

export function estimateMessage(message: Message): number {
  const { content, name, reasoning, reasoningBlocks, toolCalls } = message
  let tokens = perMessage
  if (typeof content === 'string') tokens += estimateTokens(content)
  else for (const part of content) tokens += estimatePart(part)
  if (name !== undefined) tokens += estimateTokens(name)
  // The same thoughts may be there in both forms.
  if (reasoningBlocks) for (const { text } of reasoningBlocks) tokens += estimateTokens(text)
  else if (reasoning !== undefined) tokens += estimateTokens(reasoning)
  if (toolCalls) for (const call of toolCalls) tokens += perMessage + estimateTokens(call.name + call.arguments)
  return tokens
}

function estimatePart(part: Part): number {
  switch (part.type) {
    case 'text':
      return estimateTokens(part.text)
    case 'image':
      return part.detail === 'low' ? perRoughImage : perImage
    case 'file':
      return fileTokens(part.url)
    case 'audio':
      return Math.ceil(bytesOf(part.url) / bytesPerSoundToken)
  }
}

function fileTokens(url: string): number {
  if (!url.startsWith('data:')) return perLinkedFile
  if (/^data:text\//i.test(url)) return Math.ceil(bytesOf(url) / 3)
  return Math.max(perImage, Math.ceil(bytesOf(url) / bytesPerPageToken))
}

/** Base64 has four characters for three bytes. */
function bytesOf(url: string): number {
  return url.startsWith('data:') ? Math.ceil((url.length * 3) / 4) : bytesPerSoundToken * perImage
}

function estimateTools(tools: readonly Tool[]): number {
  let tokens = 0
  for (const { name, description = '', parameters } of tools) {
    const schema = typeof parameters === 'object' ? JSON.stringify(parameters) : ''
    tokens += 2 * perMessage + estimateTokens(`${name} ${description} ${schema}`)
  }
  return tokens
}
