import { engineStats, inferloom } from '../arms/inferloom.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { forbidEnd } from '../random-model.ts'
import { streamAnswer } from '../streamed-request.ts'
import type { Extent, Section, Workload } from '../workload.ts'

/** More requests than slots, and requests that are given up half-way. */
export const hundred: Workload = {
  name: 'hundred',
  run: async (extent) => [await allEnd(extent), await cancelHalf(extent)],
}

async function allEnd({ progress }: Extent): Promise<Section> {
  const requests = 100
  progress(`hundred: ${requests} requests at once on the built-in model`)
  const server = await inferloom.start({ threads: 1, parallel: 16, contextTokens: 512 })
  try {
    const began = performance.now()
    const answers = await Promise.allSettled(
      Array.from({ length: requests }, (_, index) =>
        streamAnswer(server, {
          messages: [{ role: 'user', content: `What is inference? (${index})` }],
          max_tokens: 64,
        }),
      ),
    )
    const seconds = (performance.now() - began) / 1000
    const ended = answers.filter(({ status }) => status === 'fulfilled').length
    return {
      title: `${requests} requests at once, 16 slots`,
      columns: ['sent', 'ended', 'seconds'],
      rows: [[String(requests), String(ended), seconds.toFixed(1)]],
      bars: [{ what: `${requests} at once: ended`, value: ended, unit: '', atLeast: requests }],
    }
  } finally {
    await server.stop()
  }
}

async function cancelHalf({ file, progress }: Extent): Promise<Section> {
  const requests = 16
  progress(`hundred: cancel half of ${requests}`)
  const server = await inferloom.start({ file, threads: 1, parallel: requests, contextTokens: 1024 })
  const rest = new AbortController()
  try {
    const cancelled = new AbortController()
    const streaming = Array.from({ length: requests }, (_, index) => {
      const { signal } = index % 2 === 0 ? cancelled : rest
      return streamingOf(server, index, signal)
    })
    await Promise.all(streaming.map(({ begun }) => begun))
    const before = await engineStats(server)
    cancelled.abort()
    const began = performance.now()
    let now = before
    while (now.freeSlots < requests / 2 && performance.now() - began < 10_000) now = await engineStats(server)
    const milliseconds = performance.now() - began
    rest.abort()
    await Promise.allSettled(streaming.map(({ ended }) => ended))
    return {
      title: `Half of ${requests} streaming requests cancelled`,
      columns: ['slots free after', 'of them', 'steps', 'ms'],
      rows: [[String(now.freeSlots), String(requests), String(now.steps - before.steps), milliseconds.toFixed(0)]],
      bars: [{ what: 'slots freed by cancelling', value: now.freeSlots, unit: '', atLeast: requests / 2 }],
      notes: ['Steps include those between reading the counter and the cancellation’s arrival.'],
    }
  } finally {
    rest.abort()
    await server.stop()
  }
}

function streamingOf(server: RunningServer, seed: number, signal: AbortSignal) {
  const begun = Promise.withResolvers<void>()
  const body = {
    messages: [{ role: 'user' as const, content: messageOf(124, seed) }],
    max_tokens: 800,
    logit_bias: forbidEnd,
  }
  const ended = streamAnswer(server, body, { signal, onText: begun.resolve })
  ended.catch(begun.reject)
  return { begun: begun.promise, ended }
}
