// What every provider must do, whatever it stands for. A new provider calls this with a way to make one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../src/canonical/events.ts'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import type { Provider } from '../../src/providers/provider.ts'

export function providerSuite(name: string, make: () => Provider): void {
  describe(`${name} keeps the provider's contract`, () => {
    let provider: Provider
    beforeAll(async () => {
      provider = make()
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

    test('names at least one model with its context', () => {
      for (const model of provider.models()) {
        expect(model.id).not.toBe('')
        expect(model.contextTokens).toBeGreaterThan(0)
      }
      expect(provider.models().length).toBeGreaterThan(0)
    })

    test('text comes before its end, the end once per choice, and finish last with the usage', async () => {
      const events = await collect({ n: 2, sampling: { seed: 1 } })
      expect(events.at(-1)?.type).toBe('finish')
      expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
      for (const choice of [0, 1]) {
        const own = events.filter((event) => event.type !== 'finish' && event.choiceIndex === choice)
        expect(own.filter(({ type }) => type === 'text-end')).toHaveLength(1)
        expect(own.at(-1)?.type).toBe('text-end')
      }
      const usage = events.flatMap((event) => (event.type === 'finish' ? [event.usage] : []))[0]
      expect(usage?.inputTokens.total).toBeGreaterThan(0)
      expect(usage?.outputTokens.total).toBeGreaterThan(0)
    })

    test('stops at max_tokens and says so', async () => {
      const events = await collect({ maxOutputTokens: 3 })
      expect(events).toContainEqual({ type: 'text-end', choiceIndex: 0, finishReason: 'length' })
      const usage = events.flatMap((event) => (event.type === 'finish' ? [event.usage.outputTokens.total] : []))
      expect(usage).toEqual([3])
    })

    test('never lets part of a stop string through', async () => {
      const whole = textOf(await collect())
      const stop = whole.slice(10, 16)
      const events = await collect({ stop: [stop] })
      expect(textOf(events)).toBe(whole.slice(0, whole.indexOf(stop)))
      expect(events).toContainEqual({ type: 'text-end', choiceIndex: 0, finishReason: 'stop' })
    })

    test('an aborted request ends with the reason of the abort, and the next one is answered', async () => {
      const controller = new AbortController()
      const run = async () => {
        for await (const _ of provider.generate(request(), controller.signal)) controller.abort(new Error('left'))
      }
      await expect(run()).rejects.toThrow()
      expect(textOf(await collect())).not.toBe('')
    })
  })
}

function textOf(events: readonly StreamEvent[]): string {
  return events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])).join('')
}
