import { InferloomError } from '../../canonical/errors.ts'
import { typed } from './items.ts'
import { isPacked } from './sealed-thoughts.ts'

/** An answer as it is kept, so that later requests can refer to it. */
export interface ArchivedResponse {
  /** `resp_…` */
  readonly id: string
  /** Only for whom it was made can see it; empty where keys tell nobody apart. */
  readonly owner: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly previousId: string | undefined
  /** What the request itself brought, each item with an id; JSON. */
  readonly input: string
  /** The whole answer; JSON. */
  readonly response: string
}

/** Where answers are kept. Absent where none are. */
export interface Archive {
  /** Returns at once; what was kept can be found at once. */
  keep(response: ArchivedResponse): void
  /** The answer and those that it continued, first one first; empty where it is not there, or not whole any more. */
  chain(id: string, owner: string): Promise<readonly ArchivedResponse[]>
  find(id: string, owner: string): Promise<ArchivedResponse | undefined>
}

export type Item = Readonly<Record<string, unknown>>

/** What a request refers to. */
export interface Recalled {
  /** What was said before: input and output of the answers it continues. */
  readonly history: readonly Item[]
  /** By their ids. */
  readonly references: ReadonlyMap<string, Item>
}

/** Answers whose items one request may refer to; each has to be looked up. */
const mostReferred = 1000

const ids = /^resp_[0-9a-f]{32}$/
const itemIds = /^[a-z]+_([0-9a-f]{32})([io])\d+$/

/** Whether it is one of inferloom's own, by its form: other services' are longer. */
function isOwnResponse(id: unknown): id is string {
  return typeof id === 'string' && ids.test(id)
}

/** `output` items are those of the answer, `input` items what its request brought. */
export function itemId(prefix: string, request: string, kind: 'input' | 'output', index: number): string {
  return `${prefix}_${request}${kind === 'input' ? 'i' : 'o'}${index}`
}

function isOwnItem(id: unknown): id is string {
  return typeof id === 'string' && itemIds.test(id)
}

/** Whether a body refers to what is kept here, or carries what only inferloom can read. */
export function refersToOwn({ previous_response_id: previous, input }: Item): boolean {
  if (isOwnResponse(previous)) return true
  if (!Array.isArray(input)) return false
  const thoughts = (input as readonly (Item | null)[]).map((item) => item?.['encrypted_content'])
  return thoughts.some(isPacked) || referencesIn(input).some(isOwnItem)
}

export async function recall(body: Item, owner: string, archive: Archive | undefined): Promise<Recalled> {
  const previous = body['previous_response_id']
  const history: Item[] = []
  if (typeof previous === 'string') {
    const chain = (await archive?.chain(previous, owner)) ?? []
    if (chain.length === 0) throw previousNotFound(previous, archive)
    for (const each of chain) history.push(...inputOf(each), ...outputOf(each))
  }
  const references = new Map<string, Item>()
  const wanted = new Map<string, string[]>()
  for (const id of referencesIn(body['input'])) {
    const response = itemIds.exec(id)?.[1]
    if (response !== undefined) wanted.set(response, [...(wanted.get(response) ?? []), id])
  }
  if (wanted.size > mostReferred) {
    const message = `input refers to items of ${wanted.size} responses, and ${mostReferred} is the most. Remedy: send the items, or previous_response_id.`
    throw new InferloomError('invalid_value', message, { param: 'input' })
  }
  for (const [request, names] of wanted) {
    const found = await archive?.find(`resp_${request}`, owner)
    if (!found) continue
    for (const item of [...inputOf(found), ...outputOf(found)]) {
      const id = item['id']
      if (typeof id === 'string' && names.includes(id)) references.set(id, item)
    }
  }
  return { history, references }
}

function previousNotFound(id: string, archive: Archive | undefined): InferloomError {
  const remedy = archive
    ? 'send the conversation as input; answers are kept for responses.maxAgeDays, and not where store is false'
    : 'send the conversation as input; responses.store is off, so that nothing is kept'
  const message = `Previous response with id '${id.slice(0, 80)}' not found. Remedy: ${remedy}.`
  return new InferloomError('previous_response_not_found', message, { param: 'previous_response_id' })
}

export function inputOf({ input }: ArchivedResponse): Item[] {
  return JSON.parse(input) as Item[]
}

export function outputOf({ response }: ArchivedResponse): Item[] {
  return (JSON.parse(response) as { output: Item[] }).output
}

/** Ids of the items that an input refers to, in whatever form it came. */
function referencesIn(input: unknown): string[] {
  if (!Array.isArray(input)) return []
  return input.flatMap((each) => {
    const item = typed(each) as { type?: unknown; id?: unknown } | null
    return item?.type === 'item_reference' && typeof item.id === 'string' ? [item.id] : []
  })
}
