// https://platform.claude.com/docs/en/api/messages/create
import { z } from 'zod'
import { checkBody, freeObject, isRecord, text, unknownParameter, withoutNulls } from '../parse-body.ts'
import { cacheControl } from './content.ts'
import { blockTypes, message, system } from './messages.ts'
import { refused } from './refused.ts'
import { refuseServerTools, toolParameters } from './tools.ts'

const format = withoutNulls(z.strictObject({ type: z.literal('json_schema'), schema: freeObject }))
const display = z.enum(['summarized', 'omitted']).optional()

const thinking = withoutNulls(
  z.discriminatedUnion(
    'type',
    [
      // 1024 is the fewest: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
      z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1024), display }),
      z.strictObject({ type: z.literal('adaptive'), display }),
      z.strictObject({ type: z.literal('disabled') }),
    ],
    'must be one of enabled, adaptive, disabled',
  ),
)

/** What a request to count tokens has too. */
const shared = {
  ...toolParameters,
  model: z.string().min(1),
  messages: z.array(withoutNulls(message)).min(1, 'needs at least one message').max(100_000),
  system: system.optional(),
  cache_control: cacheControl.optional(),
  thinking: thinking.optional(),
  output_config: withoutNulls(
    z.strictObject({
      effort: z
        .enum(
          ['low', 'medium', 'high', 'xhigh'],
          "must be one of low, medium, high, xhigh; 'max' is only there at Anthropic",
        )
        .optional(),
      format: format.optional(),
    }),
  ).optional(),
  // Its older name: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
  output_format: format.optional(),
}

const countBody = z.object(shared)

const body = z.object({
  ...shared,
  max_tokens: z.int().min(1),
  stop_sequences: z.array(text.min(1)).max(64).default([]),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(0).max(1_000_000).optional(),
  metadata: withoutNulls(z.strictObject({ user_id: text.max(512).optional() })).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  stream: z.boolean().default(false),
})

export type MessagesBody = z.infer<typeof body>
export type CountBody = z.infer<typeof countBody>

/** What is there at Anthropic alone, with the values that ask for nothing. */
const notHere: Readonly<Record<string, { readonly harmless?: (value: unknown) => boolean }>> = {
  container: {},
  context_management: { harmless: keepsEverything },
  diagnostics: {},
  fallbacks: {},
  inference_geo: {},
  mcp_servers: { harmless: (value) => Array.isArray(value) && value.length === 0 },
  speed: { harmless: (value) => value === 'standard' },
  user_profile_id: {},
  workspace_id: {},
}

/** Nothing is cleared from a conversation here: an edit that keeps all is met. */
function keepsEverything(value: unknown): boolean {
  const edits = isRecord(value) ? (value['edits'] ?? []) : undefined
  return Array.isArray(edits) && edits.every((edit) => isRecord(edit) && edit['keep'] === 'all')
}

export function readBody(given: unknown): MessagesBody {
  refuseByName(given)
  return checkBody(body, given, refuseUnknown)
}

export function readCountBody(given: unknown): CountBody {
  refuseByName(given)
  return checkBody(countBody, given, refuseUnknown)
}

function refuseUnknown(name: string, value: unknown): void {
  const rule = Object.hasOwn(notHere, name) ? notHere[name] : undefined
  if (!rule) throw unknownParameter(name)
  if (!rule.harmless?.(value)) throw refused(name, value, `leave ${name} out, or use a model of Anthropic`)
}

/** A union of schemas would say that a type is wrong; it is right, and not for here. */
function refuseByName(given: unknown): void {
  if (!isRecord(given)) return
  refuseServerTools(given['tools'])
  const messages = Array.isArray(given['messages']) ? (given['messages'] as readonly unknown[]) : []
  for (const [index, each] of messages.entries()) {
    if (!isRecord(each) || !Array.isArray(each['content'])) continue
    const role = each['role']
    if (role !== 'user' && role !== 'assistant' && role !== 'system') continue
    for (const [at, block] of (each['content'] as readonly unknown[]).entries()) {
      const type = isRecord(block) ? block['type'] : undefined
      if (typeof type !== 'string' || blockTypes[role].some((known) => known === type)) continue
      const remedy = `leave the block out, or use a model of Anthropic; a message of role ${role} may hold ${blockTypes[role].join(', ')}`
      throw refused(`messages[${index}].content[${at}].type`, type, remedy)
    }
  }
}
