// A provider that answers at once: what a gateway adds is all there is to see. Run as a process of its own.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const usage = { prompt_tokens: 20, completion_tokens: 200, total_tokens: 220 }
const identity = { id: 'chatcmpl-benchmark', created: 1, model: 'mock-1' }
const content = 'Inference means using a trained model to turn new input into output. '.repeat(4)
const whole = Buffer.from(
  JSON.stringify({
    ...identity,
    object: 'chat.completion',
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' },
    ],
    usage,
  }),
)
const event = (value: unknown) => Buffer.from(`data: ${JSON.stringify(value)}\n\n`)
const chunk = (delta: object, finish: string | null) =>
  event({
    ...identity,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })
// Words in turn: LiteLLM ends a stream that says the same a hundred times.
const words = [' inference', ' predicted', ' something', ' different']
const pieces = words.map((content) => chunk({ content }, null))
const end = Buffer.concat([
  chunk({}, 'stop'),
  event({ ...identity, object: 'chat.completion.chunk', choices: [], usage }),
  Buffer.from('data: [DONE]\n\n'),
])

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text: string) => (body += text))
  request.on('end', () => {
    if (request.method === 'GET') return answer(response, Buffer.from('{"object":"list","data":[]}'))
    const chunks = Number(/"x_chunks":(\d+)/.exec(body)?.[1] ?? request.headers['x-chunks'] ?? 200)
    if (/"stream":\s*true/.test(body)) return stream(response, chunks)
    return answer(response, whole)
  })
})

function answer(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
}

/** One write for each chunk, each in a turn of its own, as models write them. */
function stream(response: ServerResponse, chunks: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let left = chunks
  const next = () => {
    if (response.destroyed) return
    if (left-- === 0) return void response.end(end)
    if (response.write(pieces[left % pieces.length])) setImmediate(next)
    else response.once('drain', next)
  }
  next()
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
