import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import type { GenerateRequest, Message, ToolCall } from '../../canonical/request.ts'
import type { Provider } from '../../providers/provider.ts'
import { openPromptPolicies, type PromptSettings } from './policies.ts'
import { estimatePrompt } from './prompt-length.ts'
import type { ShapeAbout, Shaped } from './prompt-policy.ts'
import type { AskModel } from './summary.ts'

const seed = 20_261_125
const provider = { name: 'p' } as Provider
const noModel: AskModel = () => Promise.reject(new Error('nobody to ask'))

function about(contextTokens: number | undefined, more: Partial<Provider> = {}): ShapeAbout {
  return {
    served: { provider: { ...provider, ...more }, model: 'm' },
    contextTokens,
    signal: new AbortController().signal,
  }
}

function request(messages: readonly Message[], more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: 'm', input: { kind: 'chat', messages }, n: 1, stop: [], sampling: {}, maxOutputTokens: 10, ...more }
}

function opened(server: PromptSettings, ask = noModel, routes: [string, PromptSettings][] = []) {
  return openPromptPolicies({ server, routes: new Map(routes), ask, timekeeper: new VirtualTime() })
}

function shape(settings: PromptSettings, given: GenerateRequest, whose: ShapeAbout, ask = noModel) {
  const policy = opened(settings, ask)?.of(undefined, whose.served)
  if (!policy) throw new Error('no policy')
  return policy.shape(given, whose)
}

const messagesOf = ({ input }: GenerateRequest) => (input.kind === 'chat' ? input.messages : [])
const words = (count: number, word = 'word') => `${word} `.repeat(count)
const system: Message = { role: 'system', content: 'Be brief.' }
const user = (content: string): Message => ({ role: 'user', content })
const said = (content: string): Message => ({ role: 'assistant', content })
const calls = (...ids: string[]): Message => ({
  role: 'assistant',
  content: '',
  toolCalls: ids.map((id): ToolCall => ({ id, name: 'look', arguments: '{}' })),
})
const result = (id: string, content: string): Message => ({ role: 'tool', toolCallId: id, content })
const long = [system, user(words(50, 'one')), said(words(50, 'two')), user(words(50, 'three')), said(words(50, 'four'))]

test('nothing is opened where nothing is to be done', () => {
  expect(opened({})).toBeUndefined()
  expect(opened({ overflow: 'refuse' })).toBeUndefined()
  const policies = opened({}, noModel, [['short', { overflow: 'drop-oldest' }]])
  expect(policies?.of(undefined, about(10).served)).toBeUndefined()
  expect(policies?.of('short', about(10).served)).toBeDefined()
})

test('a route goes before the server field by field, and summaries need somebody who writes them', () => {
  const policies = opened({ overflow: 'drop-oldest' }, noModel, [['strict', { overflow: 'refuse' }]])
  expect(policies?.of('strict', about(10).served)).toBeUndefined()
  expect(policies?.of('other', about(10).served)).toBeDefined()
  expect(() => opened({}, noModel, [['r', { overflow: 'summarise' }]])).toThrow(/routes\.r\.prompt\.overflow/)
})

test('what surely fits may be passed on unread', () => {
  const policies = opened({ overflow: 'drop-oldest' })
  const of = (text: string, contextTokens?: number) =>
    policies?.of(undefined, about(0).served, { text, contextTokens, maxOutputTokens: 100 })
  expect(of('x'.repeat(900), 1000)).toBeUndefined()
  expect(of('x'.repeat(901), 1000)).toBeDefined()
  expect(of('x'.repeat(901))).toBeUndefined()
  // An address is shorter than what is behind it.
  expect(of('{"type": "image_url"}', 1000)).toBeDefined()
  expect(opened({ compactJson: true })?.of(undefined, about(0).served, { text: '', contextTokens: 9 })).toBeDefined()
})

test('the oldest turns go, or the middle ones, and the answer has its room', async () => {
  const messages = [...long, user('last')]
  const all = estimatePrompt(request(messages))
  const oldest = await shape({ overflow: 'drop-oldest' }, request(messages), about(all - 20 + 10))
  expect(messagesOf(oldest.request)).toEqual([system, ...long.slice(3), user('last')])
  expect(oldest.removed).toEqual([{ policy: 'drop-oldest', tokens: all - estimatePrompt(oldest.request) }])
  const more = [system, user('first'), said('yes'), ...long.slice(1), user('last')]
  const middle = await shape({ overflow: 'middle-out' }, request(more), about(estimatePrompt(request(more)) - 10))
  expect(messagesOf(middle.request)).toEqual([system, user('first'), said('yes'), ...long.slice(3), user('last')])
})

test('a prompt that cannot be made short enough is refused by its length', () => {
  const given = request([system, user(words(500))])
  expect(() => shape({ overflow: 'drop-oldest' }, given, about(100))).toThrow(/about 5\d\d tokens.*room for 90/)
  expect(() => shape({ overflow: 'refuse', maxTokens: 50 }, given, about(undefined))).toThrow(
    expect.objectContaining({ code: 'context_length_exceeded', param: 'messages' }),
  )
})

test('older rounds of tools in the last turn go only where that is allowed', async () => {
  const rounds = [1, 2, 3].flatMap((n) => [calls(`c${n}`), result(`c${n}`, words(100))])
  const given = request([user('go'), ...rounds])
  const context = about(estimatePrompt(given) - 50)
  expect(() => shape({ overflow: 'drop-oldest' }, given, context)).toThrow(/too|room/)
  const { request: short } = await shape({ overflow: 'drop-oldest', rounds: true }, given, context)
  expect(messagesOf(short)).toEqual([user('go'), ...rounds.slice(2)])
})

test('a provider that can count is asked where an estimate is too close to tell, and corrects it', async () => {
  const given = request([...long, user('last')])
  const estimate = estimatePrompt(given)
  let asked = 0
  const counting = (tokens: number) => ({
    countTokens: () => {
      asked++
      return Promise.resolve({ tokens, exact: true })
    },
  })
  const roomy = await shape({ overflow: 'drop-oldest' }, given, about(estimate, counting(10)))
  expect([roomy.request, asked]).toEqual([given, 1])
  const tight = await shape({ overflow: 'drop-oldest' }, given, about(estimate + 50, counting(3 * estimate)))
  expect(messagesOf(tight.request)).toEqual([system, user('last')])
  await shape({ overflow: 'drop-oldest' }, given, about(10 * estimate, counting(1)))
  await shape({ overflow: 'drop-oldest', count: 'estimate' }, given, about(estimate + 50, counting(1)))
  expect(asked).toBe(2)
  const broken = { countTokens: () => Promise.reject(new Error('no')) }
  expect((await shape({ overflow: 'drop-oldest' }, given, about(estimate + 50, broken))).removed).toEqual([])
})

const summarise = { model: 's', outputTokens: 20, inputTokens: 1000, timeoutSeconds: 5, onFailure: 'refuse' } as const

test('a summary stands in place of what was dropped, and goes on as the conversation grows', async () => {
  const asked: GenerateRequest[] = []
  const ask: AskModel = (given) => {
    asked.push(given)
    return Promise.resolve({ text: ` Summary ${asked.length}. `, cost: 0.25 })
  }
  const policy = opened({ overflow: 'summarise', summarise }, ask)?.of(undefined, about(0).served)
  const messages = [...long, user('last')]
  const context = about(estimatePrompt(request(messages)) - 20 + 10)
  const first = (await policy?.shape(request(messages), context)) as Shaped
  expect(messagesOf(first.request)[0]).toEqual(system)
  expect(messagesOf(first.request).at(-1)?.content).toMatch(/last$/)
  expect(first.cost).toBe(0.25)
  expect(JSON.stringify(first.request)).toContain('Summary 1.')
  expect(messagesOf(asked[0] as GenerateRequest)[1]?.content).toContain('User: one one')
  const again = (await policy?.shape(request([...messages, said('ok'), user('more')]), context)) as Shaped
  expect([asked.length, again.cost]).toEqual([1, undefined])
  expect(JSON.stringify(again.request)).toContain('Summary 1.')
  const grown = [...messages, said(words(120, 'five')), user('end')]
  await policy?.shape(request(grown), context)
  expect(messagesOf(asked[1] as GenerateRequest)[1]?.content).toMatch(/^Summary of what was before: Summary 1\./)
})

test('where no summary comes the request is refused, or its oldest turns go', async () => {
  const given = request([...long, user('last')])
  const context = about(estimatePrompt(given) - 10)
  await expect(shape({ overflow: 'summarise', summarise }, given, context)).rejects.toMatchObject({
    code: 'context_length_exceeded',
  })
  const lenient = { overflow: 'summarise', summarise: { ...summarise, onFailure: 'drop-oldest' } } as const
  expect((await shape(lenient, given, context)).removed[0]?.policy).toBe('drop-oldest')
})

test('a summary that takes too long is not waited for', async () => {
  const time = new VirtualTime()
  const ask: AskModel = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const policies = openPromptPolicies({
    server: { overflow: 'summarise', summarise: { ...summarise, onFailure: 'drop-oldest' } },
    routes: new Map(),
    ask,
    timekeeper: time,
  })
  const given = request([...long, user('last')])
  const shaped = policies?.of(undefined, about(0).served)?.shape(given, about(estimatePrompt(given) - 10))
  await time.run()
  expect(time.now()).toBe(5000)
  expect((await shaped)?.removed[0]?.policy).toBe('drop-oldest')
})

test('results that are there twice are said once, and never only referred to', async () => {
  const page = words(400, 'page')
  const messages = [user('a'), calls('1'), result('1', page), user('b'), calls('2'), result('2', page), user('c')]
  const { request: short, removed } = await shape({ duplicates: true }, request(messages), about(undefined))
  expect(messagesOf(short)[2]?.content).toBe(page)
  expect(messagesOf(short)[5]?.content).toMatch(/^\[Word for word the same as the text above that begins with "page /)
  expect(removed[0]?.tokens).toBeGreaterThan(300)
  const fitted = await shape({ duplicates: true, overflow: 'drop-oldest' }, request(messages), about(500))
  expect(messagesOf(fitted.request)).toHaveLength(7)
  const cut = await shape({ duplicates: true, overflow: 'drop-oldest' }, request(messages), about(475))
  expect(messagesOf(cut.request).some(({ content }) => content === page)).toBe(true)
  expect(cut.removed.map(({ policy }) => policy)).toEqual(['drop-oldest'])
})

test('what is static goes first where the user allows it', async () => {
  const file = { type: 'file', url: 'data:application/pdf;base64,AA==' } as const
  const ask = { type: 'text', text: 'What is this?' } as const
  const given = request([{ role: 'user', content: [ask, file] }, said('x'), system], {
    tools: [{ name: 'b' }, { name: 'a' }],
  })
  const { request: sorted, removed } = await shape({ staticFirst: true }, given, about(undefined))
  expect(messagesOf(sorted)).toEqual([system, { role: 'user', content: [file, ask] }, said('x')])
  expect(sorted.tools?.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(removed).toEqual([{ policy: 'static-first', tokens: 0 }])
  expect((await shape({ staticFirst: true }, sorted, about(undefined))).request).toBe(sorted)
})

/** Any conversation, with results far from their calls, calls without results, and instructions anywhere. */
const anyMessage = fc.oneof(
  fc.record({ role: fc.constantFrom('user', 'system', 'assistant'), content: fc.string({ maxLength: 40 }) }),
  fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 3 }).map((ids) => calls(...ids)),
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.string({ maxLength: 60 })).map(([id, text]) => result(id, text)),
) as fc.Arbitrary<Message>

/** For each result the call it answers: the latest before it with its id. */
function answered(messages: readonly Message[]): Map<Message, Message | undefined> {
  const latest = new Map<string, Message>()
  const found = new Map<Message, Message | undefined>()
  for (const message of messages) {
    for (const { id } of message.toolCalls ?? []) latest.set(id, message)
    if (message.role === 'tool') found.set(message, latest.get(message.toolCallId ?? ''))
  }
  return found
}

test('no policy parts a call from its results, drops instructions or what the user said last, or touches what fits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyMessage, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 11, max: 400 }),
      fc.constantFrom('drop-oldest' as const, 'middle-out' as const),
      fc.boolean(),
      async (messages, contextTokens, overflow, rounds) => {
        const given = request(messages)
        let shaped: Shaped
        try {
          shaped = await shape({ overflow, rounds }, given, about(contextTokens))
        } catch (error) {
          expect(error).toMatchObject({ code: 'context_length_exceeded' })
          return
        }
        const kept = messagesOf(shaped.request)
        const isKept = new Set(kept)
        if (estimatePrompt(given) <= contextTokens - 10) expect(shaped.request).toBe(given)
        expect(estimatePrompt(shaped.request)).toBeLessThanOrEqual(contextTokens - 10)
        expect(kept).toEqual(messages.filter((message) => isKept.has(message)))
        expect(messages.filter(({ role }) => role === 'system').every((each) => isKept.has(each))).toBe(true)
        const lastUser = messages.findLast(({ role }) => role === 'user')
        if (lastUser) expect(isKept.has(lastUser)).toBe(true)
        for (const [tool, call] of answered(messages)) if (call) expect(isKept.has(call)).toBe(isKept.has(tool))
        if (!rounds && lastUser)
          expect(kept.slice(kept.indexOf(lastUser))).toEqual(messages.slice(messages.indexOf(lastUser)))
      },
    ),
    { seed, numRuns: 1000 },
  )
})

test('50,000 messages are shaped in one pass', async () => {
  const messages = Array.from({ length: 50_000 }, (_, at): Message =>
    at % 4 === 0
      ? user(`q${at}`)
      : at % 4 === 1
        ? calls(`c${at}`)
        : at % 4 === 2
          ? result(`c${at - 1}`, 'r')
          : said('a'),
  )
  for (const overflow of ['drop-oldest', 'middle-out'] as const) {
    const all = { overflow, rounds: true, duplicates: true, whiteSpace: true, compactJson: true, staticFirst: true }
    const { request: short } = await shape(all, request(messages), about(10_000))
    expect(estimatePrompt(short)).toBeLessThanOrEqual(9990)
    expect(messagesOf(short).length).toBeGreaterThan(900)
  }
})
