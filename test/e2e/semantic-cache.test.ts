import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startTestServer, temporaryFolder } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

const subjects = ['inference', 'batching', 'a token', 'quantisation', 'a KV cache', 'latency', 'throughput', 'a prompt']
const wordings = ['What is @?', 'Can you explain @?', 'what is @', 'Tell me what @ is.', 'Please explain @']
const answers = (text: string) => {
  const subject = subjects.find((each) => text.includes(each)) ?? 'nothing'
  return json({
    id: 'c',
    object: 'chat.completion',
    choices: [
      { index: 0, message: { role: 'assistant', content: `This is about ${subject}.` }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
  })
}

test('kept answers are given to the same question in other words once enough were compared, and never before', async () => {
  const upstream = await startUpstream(({ body }) => {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] }
    return answers(messages.at(-1)?.content ?? '')
  })
  const folder = temporaryFolder()
  const file = join(folder, 'inferloom.yaml')
  const pairs = subjects.flatMap((subject) =>
    wordings.flatMap((a) =>
      wordings.map((b) => ({ a: a.replace('@', subject), b: b.replace('@', subject), same: true })),
    ),
  )
  writeFileSync(join(folder, 'pairs.jsonl'), pairs.map((pair) => JSON.stringify(pair)).join('\n'))
  const semantic = { mode: 'serve', errorRate: 0.05, checkShare: 0 }
  const routes = {
    labelled: { candidates: ['up/m'], semantic: { ...semantic, labels: 'pairs.jsonl' } },
    unlabelled: { candidates: ['up/m'], semantic },
  }
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  writeFileSync(file, JSON.stringify({ providers: { up }, routes }))
  const server = await startTestServer({}, file)
  onTestFinished(() => server.close())
  const ask = async (model: string, content: string) => {
    const answer = await server.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }] })
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
    return { outcome: answer.headers.get('x-inferloom-cache'), text: choices[0]?.message.content }
  }
  // The model of vectors is loaded.
  await server.client.embeddings.create({ model: 'loom-embed', input: 'hello' })
  expect((await ask('labelled', 'What is inference?')).outcome).toBe('miss')
  expect(await ask('labelled', 'Can you explain inference?')).toEqual({
    outcome: 'semantic',
    text: 'This is about inference.',
  })
  // Another subject, another number, another turn: another question.
  for (const other of ['What is latency?', 'What is inference 2?', 'What is not inference?']) {
    expect((await ask('labelled', other)).outcome, other).toBe('miss')
  }
  for (const wording of wordings.slice(0, 3)) {
    expect((await ask('unlabelled', wording.replace('@', 'inference'))).outcome).toBe('miss')
  }
})
