// The scheduler in a process of its own, on the built-in model: what it shares, whom it prefers, and that none of it
// changes an answer.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { TokenLogprobs } from '../canonical/events.ts'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Done, EngineStats, FromWorker, Job, LoadOptions } from './protocol.ts'
import { greedy } from '../../test/job-fixture.ts'
import { WorkerProcess } from './worker-process.ts'

const file = fileURLToPath(new URL('../../test/fixtures/models/first-proof.gguf', import.meta.url))
/** The tokens that end an answer, forbidden: answers are as long as they are told to be. */
const endless: Job['sampling'] = {
  ...greedy,
  logitBias: [
    [0, -100],
    [2, -100],
  ],
}

type Answer = Done & { readonly texts: readonly string[]; readonly logprobs: readonly TokenLogprobs[] }

class TestWorker {
  readonly #process: WorkerProcess
  readonly #answers = new Map<
    number,
    { texts: string[]; logprobs: TokenLogprobs[]; began: () => void; done: (answer: Answer) => void }
  >()
  readonly #stats: ((stats: EngineStats) => void)[] = []
  readonly finished: number[] = []
  #nextId = 1

  private constructor(options: Partial<LoadOptions>, onReady: (error?: Error) => void) {
    this.#process = new WorkerProcess(
      {
        model: 'loom-mini',
        file,
        threads: 1,
        parallel: 4,
        batchTokens: 256,
        prefillChunkTokens: 64,
        targetGapMs: 50,
        prefixCacheBytes: 50_000_000,
        ...options,
      },
      { onReady: () => onReady(), onMessage: (message) => this.#onMessage(message), onExit: onReady },
    )
  }

  static async start(options: Partial<LoadOptions> = {}): Promise<TestWorker> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const worker = new TestWorker(options, (error) => (error ? reject(error) : resolve()))
    running.push(worker)
    await promise
    return worker
  }

  #onMessage(message: Exclude<FromWorker, { type: 'ready' | 'failed' }>): void {
    if (message.type === 'stats') this.#stats.shift()?.(message.stats)
    if (message.type !== 'step') return
    for (const { id, choice, text, logprobs = [] } of message.deltas) {
      const answer = this.#answers.get(id)
      if (!answer) continue
      answer.texts[choice] = (answer.texts[choice] ?? '') + text
      answer.logprobs.push(...logprobs)
      answer.began()
    }
    for (const done of message.done) {
      const answer = this.#answers.get(done.id)
      this.finished.push(done.id)
      answer?.done({ ...done, texts: answer.texts, logprobs: answer.logprobs })
    }
  }

  ask(prompt: string | readonly number[], change: Partial<Job> = {}) {
    const id = this.#nextId++
    const job: Job = { id, prompt, addSpecial: false, n: 1, stop: [], sampling: greedy, maxOutputTokens: 24, ...change }
    const { promise: began, resolve: begin } = Promise.withResolvers<void>()
    const { promise: done, resolve } = Promise.withResolvers<Answer>()
    this.#answers.set(id, { texts: [], logprobs: [], began: begin, done: resolve })
    this.#process.send({ type: 'generate', job })
    return { id, began, done, cancel: () => this.#process.send({ type: 'cancel', id }) }
  }

  stats(): Promise<EngineStats> {
    return new Promise((resolve) => {
      this.#stats.push(resolve)
      this.#process.send({ type: 'stats' })
    })
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }
}

const running: TestWorker[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((worker) => worker.stop()))
})

const system = 'You answer questions about running models on your own machine, briefly and in plain words. '.repeat(12)

describe('prefixes', () => {
  test('what a finished request evaluated is not evaluated again', async () => {
    const worker = await TestWorker.start()
    const first = await worker.ask(`${system}What is a token?`).done
    const second = await worker.ask(`${system}What is a token?`).done
    const third = await worker.ask(`${system}Why is it slow?`).done
    expect(first.cachedTokens).toBe(0)
    expect(second.cachedTokens).toBe(second.promptTokens - 1)
    expect(third.cachedTokens).toBeGreaterThan(third.promptTokens / 2)
    expect(second.texts).toEqual(first.texts)
  })

  test('a conversation goes on where it ended', async () => {
    const worker = await TestWorker.start()
    const first = await worker.ask(system, { sampling: endless, maxOutputTokens: 40 }).done
    const next = await worker.ask(`${system}${first.texts[0]} And then?`).done
    expect(next.cachedTokens).toBeGreaterThan(first.promptTokens + 30)
  })

  test('requests that come at once have their common beginning evaluated once', async () => {
    const worker = await TestWorker.start({ parallel: 8 })
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => worker.ask(`${system}Question ${index}?`).done),
    )
    const evaluated = answers.reduce((sum, { promptTokens, cachedTokens }) => sum + promptTokens - cachedTokens, 0)
    const longest = Math.max(...answers.map(({ promptTokens }) => promptTokens))
    expect(evaluated).toBeLessThan(longest + 16 * 12)
  })

  test('a running request lends what it has, and may end before the borrower', async () => {
    const worker = await TestWorker.start()
    const lender = worker.ask(system, { sampling: endless, maxOutputTokens: 60 })
    await lender.began
    const borrower = worker.ask(`${system}More: `, { sampling: endless, maxOutputTokens: 200 })
    await borrower.began
    lender.cancel()
    const { cachedTokens, texts } = await borrower.done
    expect(cachedTokens).toBeGreaterThan(100)
    const alone = await TestWorker.start({ prefixReuse: false })
    const plain = await alone.ask(`${system}More: `, { sampling: endless, maxOutputTokens: 200 }).done
    expect(plain.cachedTokens).toBe(0)
    expect(texts).toEqual(plain.texts)
  })

  test('what was evaluated outlives the process where that is asked for, and only for the same model', async () => {
    const prefixFile = join(mkdtempSync(join(tmpdir(), 'inferloom-test-')), 'prefixes')
    onTestFinished(() => rmSync(dirname(prefixFile), { recursive: true }))
    const first = await TestWorker.start({ prefixFile })
    const before = await first.ask(`${system}What is a token?`).done
    await first.stop()
    const second = await TestWorker.start({ prefixFile })
    const after = await second.ask(`${system}What is a token?`).done
    expect(after.cachedTokens).toBe(after.promptTokens - 1)
    expect(after.texts).toEqual(before.texts)
    const other = await TestWorker.start({ prefixFile, flashAttention: true })
    expect((await other.ask(`${system}What is a token?`).done).cachedTokens).toBe(0)
    for (const damage of [
      (bytes) => bytes.subarray(0, bytes.length - 5000),
      (bytes) => bytes.fill(0xff, 300, 308),
    ] satisfies ((bytes: Buffer) => Buffer)[]) {
      await second.stop()
      writeFileSync(prefixFile, damage(readFileSync(prefixFile)))
      const third = await TestWorker.start({ prefixFile })
      expect((await third.ask(`${system}What is a token?`).done).texts).toEqual(before.texts)
      await third.stop()
    }
  })

  test.each([
    // Not cells enough for each to have the whole context: one cache for all.
    ['where they stay in one cache', { flashAttention: true, keepCells: 1024, cells: 1536 }],
    ['where one cache has room for those that run', { flashAttention: false, keepCells: 0, cells: 1536 }],
    ['in streams', { flashAttention: false }],
    ['in streams, fused', { flashAttention: true }],
  ])('sharing never changes an answer, and gives everything back: %s', { timeout: 120_000 }, async (_, how) => {
    const worker = await TestWorker.start({ ...how, contextTokens: 512 })
    const plain = await TestWorker.start({ ...how, contextTokens: 512, prefixReuse: false, parallel: 1 })
    const expected = new Map<string, Promise<Answer>>()
    const words = ['token', 'batch', 'cache', 'model']
    const request = fc.record({
      words: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 60 }),
      question: fc.constantFrom('What is it?', 'Why?', 'How does it work?'),
      maxOutputTokens: fc.integer({ min: 1, max: 24 }),
      cancelled: fc.boolean(),
      pause: fc.integer({ min: 0, max: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 4, maxLength: 16 }), async (requests) => {
        await Promise.all(
          requests.map(async ({ words, question, maxOutputTokens, cancelled, pause }) => {
            const prompt = `${words.join(' ')} ${question}`
            const key = `${prompt}|${maxOutputTokens}`
            await new Promise((resolve) => setTimeout(resolve, pause))
            const asked = worker.ask(prompt, { maxOutputTokens, n: pause === 7 ? 2 : 1 })
            if (cancelled && pause % 2 === 0) return asked.cancel()
            if (!expected.has(key)) expected.set(key, plain.ask(prompt, { maxOutputTokens }).done)
            const [shared, alone] = [(await asked.done).texts[0], (await expected.get(key))?.texts[0]]
            if (shared === alone || (await isNearTie(plain, prompt, shared, alone))) return
            expect(shared).toBe(alone)
          }),
        )
        expect(await worker.stats()).toMatchObject({ running: 0, waiting: 0, freeSlots: 4, cellsReserved: 0 })
      }),
      { numRuns: 8 },
    )
  })
})

/**
 * Whether two answers part where two tokens are as good as equally likely. Q8 weights are multiplied with inputs that are
 * rounded to eight bits, in blocks that differ with the shape of a batch: logits then differ by a few hundredths.
 */
async function isNearTie(worker: TestWorker, prompt: string, one = '', other = ''): Promise<boolean> {
  let common = 0
  while (common < Math.min(one.length, other.length) && one[common] === other[common]) common++
  // One of them may end there: the tokens that end an answer are among the likeliest of one that does not end.
  const { logprobs } = await worker.ask(prompt, { sampling: endless, topLogprobs: 2 }).done
  let end = 0
  const at = logprobs.findIndex(({ token }) => (end += token.length) > common)
  // Or at the token before, where the other one begins with the same letters and is longer.
  return logprobs.slice(Math.max(0, at - 1), at + 1).some(({ top: [first, second] }) => {
    return first !== undefined && second !== undefined && first.logprob - second.logprob < 0.1
  })
}

describe('streams', () => {
  test('prompts as long as a batch, several choices and gaps between those that run: all end, and nothing is left', async () => {
    const worker = await TestWorker.start({
      contextTokens: 1024,
      parallel: 12,
      prefillChunkTokens: 256,
      targetGapMs: 5000,
    })
    const request = fc.record({
      promptTokens: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(255, 256, 257, 511, 600)),
      maxOutputTokens: fc.integer({ min: 1, max: 30 }),
      n: fc.constantFrom(1, 1, 1, 2, 3),
      cancelled: fc.nat(3),
      pause: fc.integer({ min: 0, max: 60 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 12, maxLength: 24 }), async (requests) => {
        await Promise.all(
          requests.map(async ({ promptTokens, maxOutputTokens, n, cancelled, pause }, index) => {
            await new Promise((resolve) => setTimeout(resolve, pause))
            // Of each two the second begins as the first does.
            const prompt = Array.from({ length: promptTokens }, (_, at) => 300 + (((index >> 1) * 31 + at * 7) % 500))
            const asked = worker.ask(prompt, { maxOutputTokens, n, sampling: endless })
            if (cancelled === 0) return asked.cancel()
            const { outputTokens, promptTokens: counted } = await asked.done
            expect([outputTokens, counted]).toEqual([maxOutputTokens * n, promptTokens])
          }),
        )
        expect(await worker.stats()).toMatchObject({ running: 0, waiting: 0, freeSlots: 12, cellsReserved: 0 })
      }),
      { numRuns: 4 },
    )
  })
})

describe('guesses', () => {
  test('from the prompt hold where the answer copies it, and change nothing', async () => {
    const worker = await TestWorker.start()
    const copying = Array.from({ length: 6 }, () => [40, 41, 42, 43, 44, 45, 46, 47, 48, 49]).flat()
    const ask = { sampling: endless, maxOutputTokens: 120 }
    const guessed = await worker.ask(copying, ask).done
    const stats = await worker.stats()
    expect(stats.acceptedTokens).toBeGreaterThan(0)
    // Several choices of one request are never guessed for: the first of them is plain greedy decoding.
    const plain = await worker.ask(copying, { ...ask, n: 2 }).done
    expect((await worker.stats()).draftedTokens).toBe(stats.draftedTokens)
    expect(guessed.texts[0]).toBe(plain.texts[0])
    expect(guessed.outputTokens).toBe(120)
  })
})

describe('priorities', () => {
  const long = { sampling: endless, maxOutputTokens: 300 }

  test('someone who waits goes before what can wait, though every slot is taken', async () => {
    const worker = await TestWorker.start({ parallel: 2 })
    const deferred = [0, 1].map((index) => worker.ask(`Tell me about ${index}: `, { ...long, priority: 2 }))
    await Promise.all(deferred.map(({ began }) => began))
    const urgent = worker.ask('What is a token?', { priority: 0 })
    await urgent.done
    expect(worker.finished).toEqual([urgent.id])
    const answers = await Promise.all(deferred.map(({ done }) => done))
    expect(answers.map(({ outputTokens }) => outputTokens)).toEqual([300, 300])
  })

  test('what is set aside for lack of cells goes on as if nothing had been', async () => {
    // The cache holds twice the context: two deferred answers of 500 tokens leave no room for an urgent one of 300.
    const worker = await TestWorker.start({ parallel: 2, contextTokens: 512 })
    const ask = { sampling: endless, maxOutputTokens: 490 }
    const deferred = [0, 1].map((index) => worker.ask(`Tell me about ${index}: `, { ...ask, priority: 2 }))
    await Promise.all(deferred.map(({ began }) => began))
    const urgent = worker.ask('What is a token?', { sampling: endless, maxOutputTokens: 300, priority: 0 })
    await urgent.done
    expect(worker.finished).toEqual([urgent.id])
    const answers = await Promise.all(deferred.map(({ done }) => done))
    const plain = await TestWorker.start({ parallel: 1, contextTokens: 512, prefixReuse: false })
    for (const [index, { texts, outputTokens }] of answers.entries()) {
      expect(outputTokens).toBe(490)
      expect(texts).toEqual((await plain.ask(`Tell me about ${index}: `, ask).done).texts)
    }
    expect(await worker.stats()).toMatchObject({ running: 0, waiting: 0, freeSlots: 2, cellsReserved: 0 })
  })

  test('answers that together outgrow the cache all end, as long as they were asked to be', async () => {
    // Cells for 512 tokens of each are reserved at first. There are enough for two such beginnings, and none for what
    // either needs then: one of them is set aside, and the third waits.
    const worker = await TestWorker.start({ contextTokens: 1024, parallel: 2, cells: 1280 })
    const plain = await TestWorker.start({ contextTokens: 1024, parallel: 1, prefixReuse: false })
    const lengths = [800, 800, 60]
    const [long, expected] = await Promise.all(
      [worker, plain].map((each) =>
        Promise.all(
          lengths.map((length, index) => {
            return each.ask(`Tell me about ${index}: `, { sampling: endless, maxOutputTokens: length }).done
          }),
        ),
      ),
    )
    expect(long?.map(({ outputTokens }) => outputTokens)).toEqual(lengths)
    expect(long?.map(({ texts }) => texts)).toEqual(expected?.map(({ texts }) => texts))
    expect(await worker.stats()).toMatchObject({ running: 0, waiting: 0, freeSlots: 2, cellsReserved: 0 })
  })

  test('one owner’s crowd does not hold up another’s single request', async () => {
    const worker = await TestWorker.start({ parallel: 1 })
    const crowd = Array.from({ length: 12 }, (_, index) =>
      worker.ask(`Question ${index}?`, { owner: 'crowd', sampling: endless, maxOutputTokens: 20 }),
    )
    await crowd[1]?.done
    const single = worker.ask('And mine?', { owner: 'single', sampling: endless, maxOutputTokens: 20 })
    await Promise.all([...crowd, single].map(({ done }) => done))
    expect(worker.finished.indexOf(single.id)).toBeLessThan(6)
  })
})
