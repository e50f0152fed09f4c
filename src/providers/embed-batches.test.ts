import { expect, test } from 'vitest'
import type { EmbedRequest } from '../canonical/embed.ts'
import { embedInBatches } from './embed-batches.ts'

const { signal } = new AbortController()
const inputs = Array.from({ length: 25 }, (_, at) => `${at}`)
const request: EmbedRequest = { model: 'm', inputs, dimensions: 3 }
/** Answers later ones first. */
const answer = async ({ inputs: part }: EmbedRequest) => {
  await new Promise((resolve) => setTimeout(resolve, 10 - (Number(part[0]) % 10)))
  return { embeddings: part.map((each) => Float32Array.of(Number(each))), inputTokens: part.length * 2 }
}

test('inputs go in as many requests as it takes, and their vectors come in their order', async () => {
  const sizes: number[] = []
  let running = 0
  let mostRunning = 0
  const send = async (part: EmbedRequest) => {
    sizes.push(part.inputs.length)
    expect(part).toMatchObject({ model: 'm', dimensions: 3 })
    mostRunning = Math.max(mostRunning, ++running)
    return await answer(part).finally(() => running--)
  }
  const { embeddings, inputTokens } = await embedInBatches(request, { provider: 'p', most: 2, send, signal })
  expect(embeddings.map(([value]) => value)).toEqual(inputs.map(Number))
  expect(inputTokens).toBe(50)
  expect(sizes).toEqual([...Array.from({ length: 12 }, () => 2), 1])
  expect(mostRunning).toBe(8)
})

test('as many as fit are one request, as they are', async () => {
  const asked: EmbedRequest[] = []
  const send = (part: EmbedRequest) => (asked.push(part), answer(part))
  await embedInBatches(request, { provider: 'p', most: 25, send, signal })
  await embedInBatches(request, { provider: 'p', most: undefined, send, signal })
  expect(asked).toEqual([request, request])
})

test('one that fails ends all of them, with its own error', async () => {
  let ended = 0
  let sent = 0
  const send = (part: EmbedRequest, each: AbortSignal) => {
    sent++
    if (part.inputs[0] === '3') return Promise.reject(new Error('refused'))
    return new Promise<never>((_resolve, reject) =>
      each.addEventListener('abort', () => (ended++, reject(each.reason as Error))),
    )
  }
  await expect(embedInBatches(request, { provider: 'p', most: 1, send, signal })).rejects.toThrow('refused')
  expect([sent, ended]).toEqual([8, 7])
})

test('token ids are named where they stand', async () => {
  const mixed = { ...request, inputs: [...inputs, [1]] }
  const batches = { provider: 'p', most: 2, send: answer, signal }
  await expect(embedInBatches(mixed, batches)).rejects.toMatchObject({ param: 'input[25] as token ids' })
})
