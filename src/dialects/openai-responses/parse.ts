import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import type { Dialect } from '../dialect.ts'
import { sharedRequest } from '../openai/parameters.ts'
import { itemId, recall, refersToOwn, type Archive, type Item, type Recalled } from './archive.ts'
import { readBody, type ResponsesBody } from './body.ts'
import { conversationOf } from './conversation.ts'
import { leftOutHeader } from './hosted-tools.ts'
import { inputItems, itemTypes, type InputItem } from './items.ts'
import { failEvent, ResponseWriter } from './render.ts'
import { echoOf } from './response-body.ts'
import { canonicalFormat } from './text-format.ts'
import { canonicalTools, type CanonicalTools } from './tools.ts'

/** OpenAI's Responses API; `archive` keeps the answers, where any are kept. */
export function openaiResponses(archive?: Archive): Dialect {
  return {
    name: 'openai-responses',
    paths: ['/v1/responses'],
    forwardedHeaders: ['openai-beta'],
    failEvent,
    // Only inferloom has what it kept itself. Other ids are those of the provider that is asked.
    relayable: (body) => !refersToOwn(body),
    recall: (body, { owner = '' }) => recall(body, owner, archive),
    parse(input, { owner = '' }, recalled) {
      const parsed = readBody(input)
      const items = itemsOf(parsed.input)
      const { request, leftOut, ...names } = canonicalResponse(parsed, recalled as Recalled | undefined)
      const stored = parsed.store && archive !== undefined
      return {
        stream: parsed.stream,
        request,
        headers: leftOutHeader([...leftOut, ...unread(items)]),
        writer: (id) =>
          new ResponseWriter({
            id,
            echo: echoOf(parsed, stored),
            ...names,
            summary: (parsed.reasoning?.summary ?? parsed.reasoning?.generate_summary) !== undefined,
            keep: (response, createdAt) => {
              if (!stored) return
              archive.keep({
                id: `resp_${id}`,
                owner,
                createdAt,
                previousId: parsed.previous_response_id,
                input: JSON.stringify(items.map((item, index) => keptItem(item, id, index))),
                response,
              })
            },
          }),
      }
    },
  }
}

/** What is asked, with what the answer must know of its tools. */
export function canonicalResponse(
  parsed: ResponsesBody,
  recalled: Recalled | undefined,
): Omit<CanonicalTools, 'request'> & { readonly request: GenerateRequest } {
  const { request: tools, ...names } = canonicalTools(parsed)
  const messages = messagesOf(parsed, itemsOf(parsed.input), recalled)
  const request = { ...canonicalRequest(parsed, messages), ...tools }
  refuseTwoForms(request)
  return { request, ...names }
}

/** Of the items that the request itself brought, those that say nothing to this model. */
function unread(items: readonly InputItem[]): readonly string[] {
  return items.flatMap(({ type }, index) => (type === 'web_search_call' ? [`input[${index}].type=${type}`] : []))
}

function itemsOf(input: ResponsesBody['input']): readonly InputItem[] {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
}

function messagesOf(
  { instructions, previous_response_id: previous }: ResponsesBody,
  own: readonly InputItem[],
  { history, references }: Recalled = { history: [], references: new Map() },
): Message[] {
  // What no model but OpenAI's can read, such as a search that OpenAI made, is left out of what was said before.
  const before = kept(
    history.filter(({ type }) => itemTypes.some((known) => known === type)),
    previous ?? '',
  )
  const resolved = own.map((item) => (item.type === 'item_reference' ? (resolve(item.id, references) ?? item) : item))
  const items = [...before, ...resolved]
  const messages = conversationOf(items, (index) =>
    index < before.length ? 'previous_response_id' : `input[${index - before.length}]`,
  )
  if (messages.length === 0) throw new InferloomError('missing_parameter', 'input is missing.', { param: 'input' })
  // Those of earlier answers are not carried over.
  return instructions === undefined ? messages : [{ role: 'system', content: instructions }, ...messages]
}

function resolve(id: string, references: ReadonlyMap<string, Item>): InputItem | undefined {
  const found = references.get(id)
  return found && kept([found], id)[0]
}

/** What was kept is what was said, and a provider may have said what cannot be sent to a model: half a character. */
function kept(items: readonly Item[], id: string): readonly InputItem[] {
  const parsed = inputItems.safeParse(items)
  if (parsed.success) return parsed.data
  const message = `What is kept of '${id}' cannot be sent again as it is. Remedy: send the conversation as input.`
  throw new InferloomError('invalid_value', message, { param: 'previous_response_id' })
}

/** As it is listed later: every item has an id, and a message its parts. */
function keptItem(item: InputItem, request: string, index: number): object {
  const id = itemId(item.type === 'message' ? 'msg' : 'item', request, 'input', index)
  if (item.type === 'item_reference') return item
  if (item.type !== 'message') return { id, ...item }
  const type = item.role === 'assistant' ? 'output_text' : 'input_text'
  const content = typeof item.content === 'string' ? [{ type, text: item.content }] : item.content
  return { id, status: 'completed', ...item, content }
}

function canonicalRequest(parsed: ResponsesBody, messages: readonly Message[]): GenerateRequest {
  const { text, reasoning, service_tier: tier, max_output_tokens: max, prompt_cache_key: cacheKey } = parsed
  const summary = reasoning?.summary ?? reasoning?.generate_summary
  const endUser = parsed.safety_identifier ?? parsed.user
  const topLogprobs = topLogprobsOf(parsed)
  return {
    ...sharedRequest({
      ...parsed,
      stream_options: undefined,
      n: 1,
      // `fast` is the newer name: https://developers.openai.com/api/docs/guides/fast-mode
      service_tier: tier === 'fast' ? 'priority' : tier,
    }),
    input: { kind: 'chat', messages },
    ...(max !== undefined && { maxOutputTokens: max }),
    ...(topLogprobs !== undefined && { topLogprobs }),
    ...(text?.format && { responseFormat: canonicalFormat(text.format) }),
    ...(text?.verbosity && { verbosity: text.verbosity }),
    ...(reasoning?.effort && { reasoningEffort: reasoning.effort }),
    ...(summary !== undefined && { showReasoning: true }),
    ...(parsed.metadata && { metadata: parsed.metadata }),
    ...(endUser !== undefined && { endUser }),
    ...(cacheKey !== undefined && { promptCacheKey: cacheKey }),
  }
}

function topLogprobsOf({ include, top_logprobs: top }: ResponsesBody): number | undefined {
  if (include.includes('message.output_text.logprobs')) return top ?? 0
  return top === 0 ? undefined : top
}

/** A grammar is the form of the whole answer: nothing else can have a say in it. */
function refuseTwoForms({ grammar, responseFormat: format, tools, toolChoice }: GenerateRequest): void {
  if (grammar === undefined) return
  const withFormat = format !== undefined && format.type !== 'text'
  if (!withFormat && (tools === undefined || toolChoice === 'none')) return
  const message = `grammar and ${withFormat ? 'text.format' : 'tools'} both say what the answer must look like. Remedy: send one of them.`
  throw new InferloomError('invalid_value', message, { param: 'grammar' })
}
