import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline/promises'
import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { startServer } from '../server/start.ts'
import { eventData } from '../transport/server-sent-events.ts'
import { errorOf, ServerClient, type ServerError } from './server-client.ts'

export interface ChatOptions {
  readonly words: readonly string[]
  readonly model: string | undefined
  readonly temperature: string | undefined
  readonly loaded: LoadedConfig
}

interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** Talks with a model: once when a question is given or piped in, otherwise until the user leaves. */
export async function chat(options: ChatOptions): Promise<void> {
  const temperature = temperatureOf(options.temperature)
  const { client, where, close } = await connect(options.loaded)
  try {
    const models = (await client.json<{ data: { id: string }[] }>('/v1/models')).data.map(({ id }) => id)
    const piped = process.stdin.isTTY ? '' : (await text(process.stdin)).trim()
    // `chat loom-mini` names a model; `chat -m loom-mini "…"` and `… | chat "…"` ask.
    const [first, ...rest] = options.words
    const namesModel = options.model === undefined && first !== undefined && models.includes(first)
    const model = options.model ?? (namesModel ? first : models[0])
    const question = [(namesModel ? rest : options.words).join(' '), piped].filter(Boolean).join('\n\n')
    if (model === undefined) throw new InferloomError('model_not_found', `There are no models ${where}.`)
    const refuse = (name: string, hint = '') => {
      const known = `There is no model '${name.slice(0, 100)}' ${where}. Known: ${models.join(', ')}.`
      throw new InferloomError('model_not_found', known + hint)
    }
    if (!models.includes(model)) refuse(model)
    const oneWord = options.words.length === 1 && first !== undefined && !/\s/.test(first)
    if (oneWord && options.model === undefined && !namesModel && piped === '') {
      refuse(first, ` To ask: inferloom chat -m ${model} "question"`)
    }
    const ask = asker(client, model, temperature)
    if (question !== '') await once(ask, question)
    else if (process.stdin.isTTY) await converse(ask, model)
    else throw new InferloomError('missing_parameter', 'There is no question: the input is empty.')
  } finally {
    await close()
  }
}

function temperatureOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const number = given.trim() === '' ? Number.NaN : Number(given)
  if (number >= 0 && number <= 2) return number
  throw new InferloomError('invalid_value', `--temperature must be a number from 0 to 2, not '${given.slice(0, 40)}'.`)
}

interface Connection {
  readonly client: ServerClient
  /** Whose models these are, for messages. */
  readonly where: string
  readonly close: () => Promise<void>
}

/** The server that is running, or one of our own for as long as the chat lasts. */
async function connect(loaded: LoadedConfig): Promise<Connection> {
  const client = ServerClient.of(loaded)
  if (await client.isRunning()) return { client, where: `on the server at ${client.url}`, close: async () => {} }
  const { config } = loaded
  const own = {
    ...config,
    log: 'silent' as const,
    server: { ...config.server, host: '127.0.0.1', port: 0, shutdownGraceSeconds: 0.1 },
  }
  const server = await startServer({ ...loaded, config: own })
  try {
    await server.ready()
  } catch (error) {
    await server.close()
    throw error
  }
  return {
    client: new ServerClient(server.url, config.server.keys[0]),
    where: 'in this configuration',
    close: () => server.close(),
  }
}

type Ask = (messages: readonly Message[], signal: AbortSignal) => Promise<string>

function asker(client: ServerClient, model: string, temperature: number | undefined): Ask {
  return async (messages, signal) => {
    const body = {
      model,
      messages,
      stream: true,
      ...(temperature !== undefined && { temperature }),
    }
    const response = await client.request('/v1/chat/completions', { body, signal })
    let answer = ''
    for await (const data of eventData(response.body ?? new ReadableStream<Uint8Array>())) {
      if (data === '[DONE]') break
      const event = JSON.parse(data) as { choices?: { delta: { content?: string } }[]; error?: ServerError }
      if (event.error) throw errorOf(event.error, 'The answer broke off.')
      const piece = event.choices?.[0]?.delta.content ?? ''
      answer += piece
      process.stdout.write(piece)
    }
    return answer
  }
}

async function once(ask: Ask, question: string): Promise<void> {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  try {
    await ask([{ role: 'user', content: question }], controller.signal)
  } catch (error) {
    if (!controller.signal.aborted) throw error
    process.exitCode = 130
  }
  process.stdout.write('\n')
}

async function converse(ask: Ask, model: string): Promise<void> {
  process.stdout.write(`Talking with ${model}. Ctrl-C stops an answer; /new starts afresh, /exit or Ctrl-D leaves.\n`)
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' })
  let messages: Message[] = []
  let answering: AbortController | undefined
  terminal.on('SIGINT', () => {
    if (answering) answering.abort()
    else process.stdout.write('\n(/exit or Ctrl-D leaves)\n')
    if (!answering) terminal.prompt()
  })
  terminal.prompt()
  for await (const line of terminal) {
    const question = line.trim()
    if (question === '/exit') break
    if (question === '/new') messages = []
    else if (question !== '') {
      answering = new AbortController()
      const asked: Message[] = [...messages, { role: 'user', content: question }]
      try {
        messages = [...asked, { role: 'assistant', content: await ask(asked, answering.signal) }]
        process.stdout.write('\n')
      } catch (error) {
        if (answering.signal.aborted) process.stdout.write(' (stopped)\n')
        else
          process.stdout.write(
            `${error instanceof Error ? error.message : String(error)} Remedy: /new starts afresh.\n`,
          )
      }
      answering = undefined
    }
    terminal.prompt()
  }
  terminal.close()
}
