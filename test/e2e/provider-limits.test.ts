import { expect, test } from 'vitest'
import { startWithProviders } from '../provider-fixture.ts'
import { question } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'

test('what a provider leaves us is what its latest answer said, where it said a number', async () => {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }]
  const answer = { id: '1', model: 'm-1', choices, usage: { prompt_tokens: 3, completion_tokens: 4 } }
  let left = 100
  const upstream = await startUpstream(() =>
    json(answer, 200, {
      'x-ratelimit-remaining-requests': String(--left),
      'x-ratelimit-remaining-tokens': 'evil"} 1',
      'anthropic-ratelimit-input-tokens-remaining': '149984',
    }),
  )
  const server = await startWithProviders({ up: { kind: 'openai', key: 'sk-very-secret', baseUrl: upstream.url } })
  for (let at = 0; at < 2; at++) await server.post('/v1/chat/completions', { model: 'up/m', messages: question })
  const text = await (await server.get('/metrics')).text()
  const labels = 'gen_ai_provider_name="up",gen_ai_request_model="m"'
  expect(text.split('\n').filter((line) => line.startsWith('inferloom_provider_limit_remaining'))).toEqual([
    `inferloom_provider_limit_remaining{${labels},limit="requests"} 98`,
    `inferloom_provider_limit_remaining{${labels},limit="input_tokens"} 149984`,
  ])
})

test.each([true, false])('and so of an answer that is translated (stream: %s)', async (stream) => {
  const piece = { id: '1', choices: [{ index: 0, delta: { content: 'Hello.' }, finish_reason: 'stop' }] }
  const upstream = await startUpstream(() => {
    const answer = sse([JSON.stringify(piece), '[DONE]'])
    return {
      ...answer,
      headers: { ...answer.headers, 'ratelimit-remaining': '7', 'x-ratelimit-remaining-tokens': '90' },
    }
  })
  const server = await startWithProviders({ up: { kind: 'openai', key: 'sk-very-secret', baseUrl: upstream.url } })
  const answer = await server.post('/v1/messages', { model: 'up/m', max_tokens: 5, messages: question, stream })
  // They are for whoever paces and counts, and no part of the answer.
  expect(await answer.text()).not.toMatch(/limit/)
  const text = await (await server.get('/metrics')).text()
  const labels = 'gen_ai_provider_name="up",gen_ai_request_model="m"'
  expect(text.split('\n').filter((line) => line.startsWith('inferloom_provider_limit_remaining'))).toEqual([
    `inferloom_provider_limit_remaining{${labels},limit="tokens"} 90`,
    `inferloom_provider_limit_remaining{${labels},limit="requests"} 7`,
  ])
})
