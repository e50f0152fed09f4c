// Tools that a provider of this wire runs itself: https://developers.openai.com/api/docs/guides/tools
import { InferloomError } from '../../canonical/errors.ts'

/**
 * Those that clients offer with every request, asked or not, as Codex does, and without which an answer is an answer
 * still: where no call of a tool is demanded they are left out, and the answer's header says so. llama-server and
 * Ollama leave out every tool that they do not know, and do not say so: https://github.com/ggml-org/llama.cpp/pull/23041
 */
export const habitualTools = [
  'web_search',
  'web_search_2025_08_26',
  'web_search_preview',
  'web_search_preview_2025_03_11',
  'image_generation',
] as const

type HabitualTool = (typeof habitualTools)[number]

export function isHabitual(type: string): type is HabitualTool {
  return habitualTools.some((each) => each === type)
}

const known = new Set(['function', 'custom', 'namespace', ...habitualTools])

/** All others hold what the client set up on purpose, such as files to be searched: they are refused by name. */
export function refuseHostedTools(tools: unknown): void {
  if (!Array.isArray(tools)) return
  for (const [index, tool] of (tools as readonly ({ readonly type?: unknown } | null)[]).entries()) {
    const type = tool?.type
    if (typeof type === 'string' && !known.has(type)) throw hostedTool(`tools[${index}].type`, type)
  }
}

export function hostedTool(param: string, type: string): InferloomError {
  const message =
    `${param} = '${type.slice(0, 60)}' is a tool that a provider of this wire runs itself, ` +
    'and this model is not asked on it. Remedy: leave the tool out, send one of type function, or use another model.'
  return new InferloomError('unsupported_parameter', message, { param })
}

/** Names in one header; a conversation may hold more. */
const mostNamed = 20

/** Tells the client what of its request the model was not given. */
export function leftOutHeader(leftOut: readonly string[]): Readonly<Record<string, string>> {
  if (leftOut.length === 0) return {}
  const named = leftOut.slice(0, mostNamed)
  if (leftOut.length > mostNamed) named.push(`and ${leftOut.length - mostNamed} more`)
  return { 'x-inferloom-left-out': named.join(', ') }
}
