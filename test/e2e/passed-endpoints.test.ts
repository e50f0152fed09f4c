// Endpoints of OpenAI's that are passed on alone: embeddings, moderations, images, sounds, and forms with files.
import { readFileSync } from 'node:fs'
import { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { recordedReplies } from '../recordings.ts'
import { withoutCost } from '../told-cost.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

async function started(answer: () => UpstreamAnswer, kind = 'openai') {
  const upstream = await startUpstream(answer)
  const server = await startWithProviders({ up: { kind, baseUrl: `${upstream.url}/v1`, key: 'k' } })
  return { upstream, server }
}

const wav = readFileSync(new URL(import.meta.url)) // any bytes are a file

// https://platform.openai.com/docs/api-reference/embeddings/object and …/audio/json-object
const embedding = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.5, 0.5] }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 8, total_tokens: 8 },
  odd: 1,
}
const transcription = {
  text: 'Hello.',
  usage: {
    type: 'tokens',
    input_tokens: 14,
    input_token_details: { audio_tokens: 14 },
    output_tokens: 45,
    total_tokens: 59,
  },
}

test('embeddings go both ways as they are, and their tokens are in the ledger', async () => {
  const { upstream, server } = await started(() => json(embedding))
  const answer = await server.post('/v1/embeddings', '{"input":"x","odd":1.50,"model":"up/e"}')
  expect(withoutCost(await answer.text())).toBe(JSON.stringify(embedding))
  expect(upstream.asked[0]).toMatchObject({ path: '/v1/embeddings', body: '{"input":"x","odd":1.50,"model":"e"}' })
  expect((await ledgerOf(server))[0]).toMatchObject({
    dialect: 'openai-embeddings',
    model: 'up/e',
    served_model: 'text-embedding-3-small',
    status: 200,
    prompt_tokens: 8,
    output_tokens: 0,
  })
})

test('a form with a file is passed on byte for byte, but for the name of the model', async () => {
  const { upstream, server } = await started(() => json(transcription))
  const client = server.client.audio
  const file = await toFile(wav, 'a.wav')
  expect(await client.transcriptions.create({ file, model: 'up/gpt-4o-transcribe', prompt: 'é' })).toEqual({
    ...transcription,
    // 14 tokens of sound at 6 dollars a million, and 45 of text at 10.
    usage: { ...transcription.usage, cost: 0.000534 },
  })
  const [asked] = upstream.asked
  expect(asked?.path).toBe('/v1/audio/transcriptions')
  const form = await new Response(asked?.body, {
    headers: { 'content-type': asked?.headers['content-type'] ?? '' },
  }).formData()
  expect(form.get('model')).toBe('gpt-4o-transcribe')
  expect(form.get('prompt')).toBe('é')
  expect(await (form.get('file') as File).text()).toBe(wav.toString())
  expect((await ledgerOf(server))[0]).toMatchObject({ prompt_tokens: 14, output_tokens: 45, status: 200 })

  await client.translations.create({ file, model: 'up/whisper-1' })
  await server.client.images.edit({ image: file, prompt: 'x', model: 'up/gpt-image-1' })
  expect(upstream.asked.slice(1).map(({ path }) => path)).toEqual(['/v1/audio/translations', '/v1/images/edits'])
})

test('sounds come as they are, and one that breaks off is cut', async () => {
  const sound = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 256))
  let ending: 'end' | 'reset' = 'end'
  const { upstream, server } = await started(() => ({ headers: { 'content-type': 'audio/mpeg' }, body: sound, ending }))
  const asked = { model: 'up/tts-1', input: 'Hi', voice: 'alloy' }
  const answer = await server.post('/v1/audio/speech', asked)
  expect(answer.headers.get('content-type')).toBe('audio/mpeg')
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(sound)
  expect(upstream.body()).toEqual({ ...asked, model: 'tts-1' })
  ending = 'reset'
  await expect(server.post('/v1/audio/speech', asked).then((cut) => cut.arrayBuffer())).rejects.toThrow()
  expect((await ledgerOf(server))[0]).toMatchObject({ error: 'provider_unreachable', status: 502 })
})

test('events come where they are asked for, however that is said, and must not break off', async () => {
  let events = ['{"type":"transcript.text.delta","delta":"Hi"}', '{"type":"transcript.text.done","text":"Hi"}']
  const { server } = await started(() => sse(events))
  const file = await toFile(wav, 'a.wav')
  const stream = await server.client.audio.transcriptions.create({ file, model: 'up/m', stream: true })
  const types: string[] = []
  for await (const { type } of stream) types.push(type)
  expect(types).toEqual(['transcript.text.delta', 'transcript.text.done'])
  expect((await ledgerOf(server))[0]).toMatchObject({ stream: 1, status: 200 })
  const asked = { model: 'up/tts', input: 'Hi', voice: 'alloy', stream_format: 'sse' }
  events = ['{"type":"speech.audio.delta","audio":"AAAA"}']
  expect(await (await server.post('/v1/audio/speech', asked)).text()).toContain('"code":"provider_invalid_reply"')
})

test('a transcript that is asked for as text comes as text', async () => {
  const { server } = await started(() => ({ headers: { 'content-type': 'text/plain' }, body: 'Hello.\n' }))
  const file = await toFile(wav, 'a.wav')
  const text = await server.client.audio.transcriptions.create({ file, model: 'up/m', response_format: 'text' })
  expect(text).toBe('Hello.\n')
})

test('moderations and images are passed on, and a web page is no answer', async () => {
  let answer = json({ id: 'm', results: [] })
  const { upstream, server } = await started(() => answer, 'openai-compatible')
  expect(await server.client.moderations.create({ model: 'up/omni', input: 'x' })).toEqual({ id: 'm', results: [] })
  answer = json({ created: 1, data: [{ b64_json: 'AAAA' }], usage: { input_tokens: 3, output_tokens: 9 } })
  expect((await server.client.images.generate({ model: 'up/img', prompt: 'x' })).data).toEqual([{ b64_json: 'AAAA' }])
  expect((await ledgerOf(server))[0]).toMatchObject({ prompt_tokens: 3, output_tokens: 9 })
  expect(upstream.asked.map(({ path }) => path)).toEqual(['/v1/moderations', '/v1/images/generations'])
  answer = { headers: { 'content-type': 'text/html' }, body: '<html>' }
  for (const path of ['/v1/images/generations', '/v1/audio/speech']) {
    const refused = await server.post(path, { model: 'up/m' })
    expect(refused.status).toBe(502)
    expect(await refused.json()).toMatchObject({ error: { code: 'provider_invalid_reply' } })
  }
})

test('forms that say too little, or could be read in two ways, go nowhere', async () => {
  const { upstream, server } = await started(() => json(transcription))
  const refusal = async (body: FormData | string, type?: string) => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const answer = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body, headers })
    return ((await answer.json()) as { error: { code: string; param: string | null } }).error
  }
  const form = new FormData()
  form.append('prompt', 'x')
  expect(await refusal(form)).toMatchObject({ code: 'missing_parameter', param: 'model' })
  form.append('model', 'up/a')
  form.append('model', 'up/b')
  expect(await refusal(form)).toMatchObject({ code: 'invalid_value', param: 'model' })
  expect(await refusal('--b\r\n', 'multipart/form-data; boundary=b')).toMatchObject({ code: 'invalid_value' })
  expect(await refusal('x', 'multipart/form-data')).toMatchObject({ code: 'invalid_value' })
  form.delete('model')
  form.append('model', 'nowhere/m')
  expect(await refusal(form)).toMatchObject({ code: 'model_not_found' })
  const chat = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: form })
  expect(await chat.json()).toMatchObject({ error: { code: 'invalid_json' } })
  form.append('file', new Blob([Buffer.alloc(9_000_000)]))
  expect((await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form })).status).toBe(413)
  expect(upstream.asked).toEqual([])
})

test('what a local model cannot do is said', async () => {
  const server = await startWithProviders({}, { INFERLOOM_BUILTIN: 'true' })
  const refused = await server.post('/v1/audio/speech', { model: 'loom-mini', input: 'x', voice: 'alloy' })
  expect(await refused.json()).toMatchObject({
    error: { code: 'unsupported_parameter', message: expect.stringMatching(/'loom-mini' cannot speak/) as string },
  })
})

const recorded = recordedReplies('openai').filter(({ name }) => /^openai-(embedding|transcription)\.json$/.test(name))

describe.skipIf(recorded.length === 0)('recorded answers', () => {
  test.each(recorded)('$name crosses unchanged', async ({ name, body }) => {
    const { server } = await started(() => json(body))
    const form = new FormData()
    form.append('model', 'up/m')
    const [path, sent] = name.includes('embedding')
      ? ['/v1/embeddings', JSON.stringify({ model: 'up/m', input: ['a', 'b'] })]
      : ['/v1/audio/transcriptions', form]
    const answer = await fetch(server.url + path, { method: 'POST', body: sent })
    expect(withoutCost(await answer.text())).toBe(JSON.stringify(body))
    expect((await ledgerOf(server))[0]).toMatchObject({
      status: 200,
      prompt_tokens: name.includes('embedding') ? 12 : 0,
    })
  })
})
