// https://platform.claude.com/docs/en/api/messages/create
import { z } from 'zod'
import type { CacheMark, FilePart, ImagePart, TextPart } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../parse-body.ts'

export const cacheControl = withoutNulls(
  z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }),
)

type CacheControl = z.infer<typeof cacheControl>

/** Cited sources come from documents that Anthropic reads; here a client may only say that it wants none. */
const noCitations = z.union([
  z.array(z.never()).max(0, 'citations can only be sent to Anthropic'),
  z.strictObject({ enabled: z.literal(false, 'citations are only there at Anthropic') }),
])

export const textBlock = z.strictObject({
  type: z.literal('text', 'only text can be sent here'),
  text,
  cache_control: cacheControl.optional(),
  // What Anthropic cited in an answer that is sent back; other providers cannot read it, and the text says the same.
  citations: z.array(freeObject).optional(),
})

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/, 'must be base64')

const imageBlock = z.strictObject({
  type: z.literal('image'),
  source: z.discriminatedUnion(
    'type',
    [
      z.strictObject({
        type: z.literal('base64'),
        media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
        data: base64,
      }),
      z.strictObject({ type: z.literal('url'), url: text.min(1) }),
    ],
    'must be one of base64, url; files that were uploaded to Anthropic can only be read there',
  ),
  cache_control: cacheControl.optional(),
})

const documentBlock = z.strictObject({
  type: z.literal('document'),
  source: z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('base64'), media_type: z.literal('application/pdf'), data: base64 }),
      z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: text }),
      z.strictObject({ type: z.literal('url'), url: text.min(1) }),
    ],
    'must be one of base64, text, url; other sources can only be read by Anthropic',
  ),
  title: text.max(500).optional(),
  citations: noCitations.optional(),
  cache_control: cacheControl.optional(),
})

/** Null counts as left out in every block. */
export const textBlocks = z.array(withoutNulls(textBlock))
export const part = withoutNulls(
  z.discriminatedUnion('type', [textBlock, imageBlock, documentBlock], 'must be one of text, image, document'),
)

type TextBlock = z.infer<typeof textBlock>
export type PartBlock = TextBlock | z.infer<typeof imageBlock> | z.infer<typeof documentBlock>

export function cacheMark(control: CacheControl | undefined): { readonly cache?: CacheMark } {
  if (control === undefined) return {}
  return { cache: control.ttl === undefined ? {} : { lifetime: control.ttl } }
}

/** Blocks of text that nothing is said of become one, joined by `glue`. */
export function contentOf(blocks: readonly PartBlock[], glue: string): string | (TextPart | ImagePart | FilePart)[] {
  const parts = blocks.map(partOf)
  if (parts.some((each) => each.type !== 'text' || each.cache)) return parts
  return parts.map((each) => (each.type === 'text' ? each.text : '')).join(glue)
}

function partOf(block: PartBlock): TextPart | ImagePart | FilePart {
  const mark = cacheMark(block.cache_control)
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text, ...mark }
    case 'image':
      return { type: 'image', url: urlOf(block.source), ...mark }
    case 'document': {
      const { source, title } = block
      return { type: 'file', url: urlOf(source), ...(title !== undefined && { name: title }), ...mark }
    }
  }
}

type Source = Exclude<PartBlock, TextBlock>['source']

function urlOf(source: Source): string {
  switch (source.type) {
    case 'url':
      return source.url
    case 'base64':
      return `data:${source.media_type};base64,${source.data}`
    case 'text':
      return `data:text/plain;base64,${Buffer.from(source.data).toString('base64')}`
  }
}
