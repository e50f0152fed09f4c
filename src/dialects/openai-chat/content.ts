// https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages
import { z } from 'zod'
import type { Message, Part } from '../../canonical/request.ts'
import { text } from '../openai/parameters.ts'

const textPart = z.strictObject({ type: z.literal('text', 'only text can be sent here'), text })

const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: text.min(1), detail: z.enum(['auto', 'low', 'high']).optional() }),
})

const base64 = z.string().regex(/^[\w+/-]+={0,2}$/, 'must be base64')

const audioPart = z.strictObject({
  type: z.literal('input_audio'),
  input_audio: z.strictObject({
    data: base64,
    // OpenAI takes the first two; others know more by the same kind of name.
    format: z.string().regex(/^[a-z\d.+-]{1,40}$/i, 'must be a format such as wav or mp3'),
  }),
})

const filePart = z.strictObject({
  type: z.literal('file'),
  file: z.strictObject({
    file_id: z.never('no files are kept here: send file_data').optional(),
    file_data: text.min(1),
    filename: text.max(1000).optional(),
  }),
})

export const textOnly = z.union([text, z.array(textPart).min(1)])
export const mixed = z.union([
  text,
  z.array(z.discriminatedUnion('type', [textPart, imagePart, audioPart, filePart])).min(1),
])

type Given = z.infer<typeof mixed>
type GivenPart = Exclude<Given, string>[number]

export function contentOf(content: Given | undefined): Message['content'] {
  if (content === undefined || typeof content === 'string') return content ?? ''
  const parts = content.map(partOf)
  if (parts.some((part) => part.type !== 'text')) return parts
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function partOf(part: GivenPart): Part {
  switch (part.type) {
    case 'text':
      return part
    case 'image_url': {
      const { url, detail } = part.image_url
      return { type: 'image', url, ...(detail !== undefined && { detail }) }
    }
    case 'input_audio': {
      const { data, format } = part.input_audio
      return { type: 'audio', url: `data:${mediaTypeOf(format.toLowerCase())};base64,${data}` }
    }
    case 'file': {
      const { file_data: data, filename: name } = part.file
      // OpenAI takes both a data URL and bare base64: https://platform.openai.com/docs/guides/pdf-files
      const url = data.startsWith('data:') ? data : `data:application/pdf;base64,${data}`
      return { type: 'file', url, ...(name !== undefined && { name }) }
    }
  }
}

function mediaTypeOf(format: string): string {
  return format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
}
