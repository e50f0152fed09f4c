// What every provider must do, whatever it stands for. A new provider calls this with a way to make one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InferloomError } from '../../src/canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../src/canonical/events.ts'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import type { Provider } from '../../src/providers/provider.ts'

export function providerSuite(name: string, make: () => Provider | Promise<Provider>): void {
  describe(`${name} keeps the provider's contract`, () => {
    let provider: Provider
    beforeAll(async () => {
      provider = await make()
      await provider.ready()
    })
    afterAll(() => provider.close())

    const request = (change: Partial<GenerateRequest> = {}): GenerateRequest => ({
      model: provider.models()[0]?.id ?? '',
      input: { kind: 'chat', messages: [{ role: 'user', content: 'What is inference?' }] },
      n: 1,
      stop: [],
      sampling: { temperature: 0 },
      ...change,
    })
    const collect = async (change: Partial<GenerateRequest> = {}) => {
      const events: StreamEvent[] = []
      for await (const batch of provider.generate(request(change), new AbortController().signal)) {
        expect(batch.length).toBeGreaterThan(0)
        events.push(...batch)
      }
      return events
    }

    /** What comes of it, or why the provider says that it cannot. */
    const whereItCan = async <T>(asked: Promise<T>): Promise<{ result?: T; refusal?: string }> => {
      try {
        return { result: await asked }
      } catch (error) {
        if (error instanceof InferloomError && error.code === 'unsupported_parameter') return { refusal: error.message }
        throw error
      }
    }
    const collectWhereItCan = async (change: Partial<GenerateRequest>) => {
      const { result: events, ...why } = await whereItCan(collect(change))
      return { ...(events && { events }), ...why }
    }

    test('names at least one model, with its context where that is known', () => {
      for (const model of provider.models()) {
        expect(model.id).not.toBe('')
        if (!provider.acceptsUnlisted || model.contextTokens !== undefined) {
          expect(model.contextTokens).toBeGreaterThan(0)
        }
      }
      expect(provider.models().length).toBeGreaterThan(0)
    })

    test('text comes before its end, the end once per choice, and finish last with the usage', async () => {
      const several = await collectWhereItCan({ n: 2, sampling: { seed: 1 } })
      const events = several.events ?? (await collect())
      expect(events.at(-1)?.type).toBe('finish')
      expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
      for (const choice of several.events ? [0, 1] : [0]) {
        const own = events.filter((event) => 'choiceIndex' in event && event.choiceIndex === choice)
        expect(own.filter(({ type }) => type === 'text-end')).toHaveLength(1)
        expect(own.at(-1)?.type).toBe('text-end')
      }
      const usage = events.flatMap((event) => (event.type === 'finish' ? [event.usage] : []))[0]
      expect(usage?.inputTokens.total).toBeGreaterThan(0)
      expect(usage?.outputTokens.total).toBeGreaterThan(0)
    })

    test('stops at max_tokens and says so', async () => {
      const events = await collect({ maxOutputTokens: 3 })
      expect(events).toContainEqual(ending('length'))
      const usage = events.flatMap((event) => (event.type === 'finish' ? [event.usage.outputTokens.total] : []))
      expect(usage).toEqual([3])
    })

    test('never lets part of a stop string through', async ({ skip }) => {
      const whole = textOf(await collect())
      const stop = whole.slice(10, 16)
      const { events, refusal } = await collectWhereItCan({ stop: [stop] })
      if (!events) return skip(refusal)
      expect(textOf(events)).toBe(whole.slice(0, whole.indexOf(stop)))
      expect(events).toContainEqual(ending('stop'))
    })

    test('an aborted request ends with the reason of the abort, and the next one is answered', async () => {
      const controller = new AbortController()
      const run = async () => {
        for await (const _ of provider.generate(request(), controller.signal)) controller.abort(new Error('left'))
      }
      await expect(run()).rejects.toThrow()
      expect(textOf(await collect())).not.toBe('')
    })

    test('a tool that must be called is: its beginning, its arguments, its end, in order', async ({ skip }) => {
      const properties = { city: { enum: ['Paris', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 9 } }
      const parameters = { type: 'object', properties, required: ['city', 'days'], additionalProperties: false }
      const tools = [{ name: 'get_weather', description: 'The weather of a city', parameters }]
      const must = { tools, toolChoice: 'required' } as const
      const alone = await collectWhereItCan({ ...must, parallelToolCalls: false })
      const { events, refusal } = alone.events ? alone : await collectWhereItCan(must)
      if (!events) return skip(refusal)
      const call = events.filter(({ type }) => type.startsWith('tool-input'))
      const types = call.map(({ type }) => type)
      expect([types[0], types.at(-1)]).toEqual(['tool-input-start', 'tool-input-end'])
      expect(new Set(types.slice(1, -1))).toEqual(new Set(['tool-input-delta']))
      expect(call[0]).toMatchObject({ toolIndex: 0, toolName: 'get_weather', id: expect.stringMatching(/./) as string })
      const given = JSON.parse(argumentsOf(events)) as { city: string; days: number }
      expect(Object.keys(given).sort()).toEqual(['city', 'days'])
      expect(['Paris', 'Rome']).toContain(given.city)
      expect(Number.isInteger(given.days)).toBe(true)
      expect(events).toContainEqual(expect.objectContaining({ type: 'text-end', finishReason: 'tool-calls' }))
    })

    test('an answer that must meet a JSON schema does', async ({ skip }) => {
      const schema = {
        type: 'object',
        properties: { colour: { enum: ['red', 'green'] }, count: { type: 'integer' } },
        required: ['colour', 'count'],
        additionalProperties: false,
      }
      const responseFormat = { type: 'json-schema', name: 'paint', schema, strict: true } as const
      const { events, refusal } = await collectWhereItCan({ responseFormat })
      if (!events) return skip(refusal)
      expect(events.filter(({ type }) => type === 'reasoning-delta')).toEqual([])
      const answer = JSON.parse(textOf(events)) as { colour: string; count: number }
      expect(['red', 'green']).toContain(answer.colour)
      expect(Number.isInteger(answer.count)).toBe(true)
      expect(Object.keys(answer).sort()).toEqual(['colour', 'count'])
    })

    const model = () => provider.models()[0]?.id ?? ''
    const patient = () => new AbortController().signal

    test('embeds in the order of the inputs, at length 1, and counts the tokens', async ({ skip }) => {
      if (!provider.embed) return skip('it does not embed')
      const inputs = ['inference', 'a loaf of bread', 'inference']
      const { result, refusal } = await whereItCan(provider.embed({ model: model(), inputs }, patient()))
      if (!result) return skip(refusal)
      const { embeddings, inputTokens } = result
      expect(embeddings).toHaveLength(3)
      const [first, second, third] = embeddings.map((vector) => [...vector])
      for (const value of [first, third]) expect(Math.hypot(...(value ?? []))).toBeCloseTo(1, 4)
      const apart = (other?: number[]) => Math.hypot(...(first ?? []).map((value, at) => value - (other?.[at] ?? 0)))
      expect(apart(third)).toBeLessThan(apart(second))
      expect(inputTokens).toBeGreaterThanOrEqual(inputs.length)
    })

    test('ranks best first, by index, with scores from 0 to 1, and no more than were asked for', async ({ skip }) => {
      if (!provider.rerank) return skip('it does not rank')
      const documents = ['bread', 'What is inference?', 'rain']
      const ask = { model: model(), query: 'What is inference?', documents }
      const { result, refusal } = await whereItCan(provider.rerank(ask, patient()))
      if (!result) return skip(refusal)
      const { ranking } = result
      expect(ranking[0]?.index).toBe(1)
      expect(ranking.map(({ score }) => score)).toEqual(ranking.map(({ score }) => score).sort((a, b) => b - a))
      for (const { score } of ranking) expect(score >= 0 && score <= 1 + 1e-6).toBe(true)
      const { ranking: best } = await provider.rerank({ ...ask, topN: 1 }, patient())
      expect(best.map(({ index }) => index)).toEqual([1])
    })

    test('counts a longer prompt as longer, and says whether it counted or guessed', async ({ skip }) => {
      if (!provider.countTokens) return skip('it does not count')
      const short = await provider.countTokens(request(), patient())
      const content = 'What is inference? '.repeat(20)
      const long = await provider.countTokens(
        request({ input: { kind: 'chat', messages: [{ role: 'user', content }] } }),
        patient(),
      )
      expect(short.tokens).toBeGreaterThan(0)
      expect(long.tokens).toBeGreaterThan(short.tokens)
      expect(typeof long.exact).toBe('boolean')
    })

    test('an embedding that was left before it began is refused with the reason', async ({ skip }) => {
      if (!provider.embed) return skip('it does not embed')
      const left = AbortSignal.abort(new Error('left'))
      await expect(provider.embed({ model: model(), inputs: ['a'] }, left)).rejects.toThrow('left')
    })
  })
}

/** A provider may add its own word for it. */
function ending(finishReason: FinishReason): unknown {
  return expect.objectContaining({ type: 'text-end', choiceIndex: 0, finishReason })
}

function textOf(events: readonly StreamEvent[]): string {
  return events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])).join('')
}

function argumentsOf(events: readonly StreamEvent[]): string {
  return events.flatMap((event) => (event.type === 'tool-input-delta' ? [event.delta] : [])).join('')
}
