// https://developers.openai.com/api/reference/resources/responses/methods/create (tools, type `namespace`)
import { createHash } from 'node:crypto'

/** What a client calls a function that stands in a namespace. */
export interface QualifiedName {
  readonly name: string
  readonly namespace?: string
}

/** Codex puts its own functions into it, and expects their calls without: https://github.com/lidge-jun/opencodex/pull/2020 */
const noNamespace = 'functions'

/** The longest that every provider takes: https://developers.openai.com/api/reference/resources/chat (tools.function.name) */
const longest = 64
const digestLength = 8

/**
 * The one name that a function has on wires without namespaces: `mcp__files` and `read` are `mcp__files__read`, which
 * is also what Codex calls it where it flattens namespaces itself: https://github.com/openai/codex/issues/26234
 */
export function flatName({ namespace, name }: QualifiedName): string {
  if (namespace === undefined || namespace === noNamespace) return name
  const joined = namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`
  if (joined.length <= longest) return joined
  const digest = createHash('sha256').update(joined).digest('hex').slice(0, digestLength)
  return `${joined.slice(0, longest - digestLength - 1)}_${digest}`
}

/** As the client expects it in a call. */
export function calledName({ namespace, name }: QualifiedName): QualifiedName {
  return namespace === undefined || namespace === noNamespace ? { name } : { name, namespace }
}
