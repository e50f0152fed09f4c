// https://ai.google.dev/api/caching#Content
import { z } from 'zod'
import type { Part } from '../../canonical/request.ts'
import { freeObject, text } from '../parse-body.ts'

const mimeType = z.string().regex(/^[a-z\d.+-]{1,100}\/[a-z\d.+-]{1,100}$/i, 'must be a media type such as image/png')

const blob = z.strictObject({
  mimeType,
  data: z.string().regex(/^[\w+/-]*={0,2}$/, 'must be base64'),
  displayName: text.optional(),
})

const file = z.strictObject({
  fileUri: text.min(1).max(8192),
  mimeType: mimeType.optional(),
  displayName: text.optional(),
})

/** What a part can hold; what only Google itself can read is refused by its name. */
const part = z
  .strictObject({
    text: text.optional(),
    inlineData: blob.optional(),
    fileData: file.optional(),
    functionCall: z
      .strictObject({ id: text.max(256).optional(), name: text.min(1).max(128), args: freeObject.optional() })
      .optional(),
    functionResponse: z
      .strictObject({
        id: text.max(256).optional(),
        name: text.min(1).max(128),
        response: freeObject.default({}),
        parts: z.array(z.strictObject({ inlineData: blob.optional(), fileData: file.optional() })).optional(),
      })
      .optional(),
    thought: z.boolean().optional(),
    thoughtSignature: z.string().max(1_000_000).optional(),
    partMetadata: z.unknown().optional(),
  })
  .refine(
    (given) => {
      const { text, inlineData, fileData, functionCall, functionResponse, thoughtSignature } = given
      const held = [text, inlineData, fileData, functionCall, functionResponse].filter((each) => each !== undefined)
      return held.length === 1 || (held.length === 0 && thoughtSignature !== undefined)
    },
    { message: 'must hold exactly one of text, inlineData, fileData, functionCall, functionResponse' },
  )

export const content = z.strictObject({
  role: z.enum(['user', 'model', 'function', 'system'], 'must be user or model').optional(),
  parts: z.array(part).default([]),
})

/** Instructions are words. */
export const instructions = z.strictObject({
  role: z.string().optional(),
  parts: z.array(z.strictObject({ text })).default([]),
})

export type Content = z.infer<typeof content>
export type GeminiPart = z.infer<typeof part>

/** What a part holds beside words, as others call it; undefined where it holds words. */
export function mediaOf({ inlineData, fileData }: Pick<GeminiPart, 'inlineData' | 'fileData'>): Part | undefined {
  if (inlineData) {
    const { mimeType, displayName } = inlineData
    // Google takes both alphabets of base64.
    const data = inlineData.data.replaceAll('-', '+').replaceAll('_', '/')
    return mediaPart(`data:${mimeType.toLowerCase()};base64,${data}`, mimeType, displayName)
  }
  return fileData && mediaPart(fileData.fileUri, fileData.mimeType, fileData.displayName)
}

function mediaPart(url: string, mimeType = '', name: string | undefined): Part {
  if (/^image\//i.test(mimeType)) return { type: 'image', url }
  if (/^audio\//i.test(mimeType) && url.startsWith('data:')) return { type: 'audio', url }
  return { type: 'file', url, ...(name !== undefined && { name }) }
}
