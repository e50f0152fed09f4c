import { isRecord } from '../parse-body.ts'
import type { Block, BlockEvent } from './answer-blocks.ts'

/** Puts the blocks of a message together again. */
export function wholeBlocks(events: Iterable<BlockEvent>): Block[] {
  const blocks: Record<string, unknown>[] = []
  const inputs = new Map<number, string>()
  for (const event of events) {
    if (event.type === 'content_block_start') {
      blocks[event.index] = { ...event.content_block }
      continue
    }
    const { index } = event
    const block = blocks[index]
    if (!block) continue
    if (event.type === 'content_block_delta') {
      const { delta } = event
      if (delta['type'] === 'input_json_delta')
        inputs.set(index, (inputs.get(index) ?? '') + textOf(delta['partial_json']))
      else grow(block, delta)
    } else {
      const json = inputs.get(index)
      if (json !== undefined) block['input'] = inputOf(json)
      inputs.delete(index)
    }
  }
  return blocks
}

function grow(block: Record<string, unknown>, delta: Block): void {
  switch (delta['type']) {
    case 'text_delta':
      block['text'] = textOf(block['text']) + textOf(delta['text'])
      break
    case 'thinking_delta':
      block['thinking'] = textOf(block['thinking']) + textOf(delta['thinking'])
      break
    case 'signature_delta':
      block['signature'] = delta['signature']
      break
    case 'citations_delta':
      block['citations'] = [...(Array.isArray(block['citations']) ? block['citations'] : []), delta['citation']]
      break
  }
}

/**
 * A model may write arguments that are no JSON, or be cut in their middle. They come under this name:
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
 */
function inputOf(json: string): object {
  if (json.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(json)
    if (isRecord(value)) return value
  } catch {
    // It is passed on as text.
  }
  return { INVALID_JSON: json }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
