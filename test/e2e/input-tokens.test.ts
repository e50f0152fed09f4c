// https://developers.openai.com/api/reference/resources/responses/subresources/input_tokens/methods/count
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { startTestServer, type TestServer } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const input = 'What is inference?'

test('a prompt for a local model has as many tokens as its answer says', async () => {
  const { responses } = server.client
  const asked = { model: 'loom-mini', instructions: 'Be brief.', input }
  const { data, response } = await responses.inputTokens.count(asked).withResponse()
  expect(response.headers.get('x-inferloom-token-count')).toBe('exact')
  const first = await responses.create({ ...asked, max_output_tokens: 5 })
  expect(data).toEqual({ object: 'response.input_tokens', input_tokens: first.usage?.input_tokens })
  const next = { model: 'loom-mini', input: 'And why?', previous_response_id: first.id }
  const longer = await responses.inputTokens.count(next)
  const second = await responses.create({ ...next, max_output_tokens: 5 })
  expect(longer.input_tokens).toBe(second.usage?.input_tokens)
})

test('what is left out of it is said, and what is wrong with it', async () => {
  const { responses } = server.client
  const asked = { model: 'loom-mini', input, tools: [{ type: 'web_search' as const }] }
  const { response } = await responses.inputTokens.count(asked).withResponse()
  expect(response.headers.get('x-inferloom-left-out')).toBe('tools[0].type=web_search')
  await expect(responses.inputTokens.count({ input })).rejects.toMatchObject({ status: 400, param: 'model' })
  const previous = { model: 'loom-mini', input, previous_response_id: 'resp_none' }
  await expect(responses.inputTokens.count(previous)).rejects.toMatchObject({ code: 'previous_response_not_found' })
})

test('OpenAI counts for its own models, and compacts; what inferloom keeps it is not asked about', async () => {
  const compacted = {
    id: 'resp_1',
    object: 'response.compaction',
    output: [{ type: 'compaction', encrypted_content: 'gAAA' }],
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 120,
    },
  }
  const upstream = await startUpstream(({ path }) =>
    json(path.endsWith('compact') ? compacted : { object: 'response.input_tokens', input_tokens: 7 }),
  )
  const own = await startWithProviders({ up: { kind: 'openai', baseUrl: `${upstream.url}/v1`, key: 'k' } })
  const { responses } = own.client
  const count = await responses.inputTokens.count({ model: 'up/gpt-5.4', input, previous_response_id: 'resp_theirs' })
  expect(count.input_tokens).toBe(7)
  expect(upstream.asked[0]).toMatchObject({ path: '/v1/responses/input_tokens' })
  expect(upstream.body()).toEqual({ model: 'gpt-5.4', input, previous_response_id: 'resp_theirs' })

  expect(await responses.compact({ model: 'up/gpt-5.4', input })).toMatchObject({ output: compacted.output })
  expect(upstream.asked[1]?.path).toBe('/v1/responses/compact')
  expect((await ledgerOf(own))[0]).toMatchObject({ prompt_tokens: 100, cached_tokens: 40, output_tokens: 20 })

  const kept = `resp_${'0'.repeat(32)}`
  const asked = { model: 'up/gpt-5.4', input, previous_response_id: kept }
  await expect(responses.inputTokens.count(asked)).rejects.toMatchObject({ code: 'previous_response_not_found' })
  expect(upstream.asked).toHaveLength(2)
})

test('where nobody counts it is estimated, and the answer says so', async () => {
  const upstream = await startUpstream(() => json({}))
  const own = await startWithProviders({ up: { kind: 'groq', baseUrl: upstream.url, key: 'k' } })
  const asked = own.client.responses.inputTokens.count({ model: 'up/m', input: 'word '.repeat(40) })
  const { data, response } = await asked.withResponse()
  expect(response.headers.get('x-inferloom-token-count')).toBe('estimate')
  expect(data.input_tokens).toBeGreaterThan(40)
  expect(upstream.asked).toHaveLength(0)
})

test('only who wrote what is compacted can read it: others are refused by name', async () => {
  await expect(server.client.responses.compact({ model: 'loom-mini', input })).rejects.toMatchObject({
    status: 400,
    code: 'unsupported_parameter',
    message: expect.stringContaining('cannot compact conversations') as string,
  })
})
