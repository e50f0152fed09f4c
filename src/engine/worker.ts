// The engine's process: one model, one thread of JavaScript that does nothing but evaluate.
// It is started by `worker-process.ts`, speaks the messages of `protocol.ts`, and ends when its parent does.
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import { tunedAtLoad, tuneWhenIdle } from './autotune-worker.ts'
import { loadLibrary } from './binding/library.ts'
import { readableNow } from './binding/readable.ts'
import { openModel } from './binding/model.ts'
import { Embedder } from './embedder.ts'
import { writeMessage as send } from './message-lines.ts'
import { loadPrefixes, savePrefixes } from './prefix-file.ts'
import type { LoadOptions, ToWorker } from './protocol.ts'
import { Scheduler } from './scheduler.ts'
import { Tokenizer } from './tokenizer.ts'

const logLevelWarning = 3 // enum ggml_log_level: 1 debug, 2 info, 3 warning, 4 error

// Node's types leave out the descriptor: https://github.com/nodejs/node/blob/v24.x/lib/internal/child_process.js
const messageWaits = readableNow((process.channel as { fd?: number } | undefined)?.fd)

interface Loaded {
  readonly options: LoadOptions
  readonly tokenizer: Tokenizer
  readonly scheduler: Scheduler
  readonly embedder: Embedder
  readonly generates: boolean
}

function load(asked: LoadOptions): Loaded {
  const complaints: string[] = []
  const library = loadLibrary((level, text) => {
    if (level <= logLevelWarning) return
    if (complaints.length < 20) complaints.push(text.trim())
    process.stderr.write(text)
  })
  let options = asked
  const model = openModel(library, asked, complaints, (weights) => {
    return (options = tunedAtLoad(library, weights, asked, send))
  })
  const { llama, vocab } = model
  const tokenizer = new Tokenizer(model)
  const textOf = (token: number) => (token < 0 ? '' : llama.vocabText(vocab, token))
  const chatTemplate = llama.modelTemplate(model.model, null)
  send({
    type: 'ready',
    info: {
      contextTokens: model.contextTokens,
      parallel: model.parallel,
      cells: model.cells,
      parameters: llama.modelParameters(model.model),
      sizeBytes: llama.modelSize(model.model),
      vocabulary: model.vocabulary,
      ...(chatTemplate !== null && { chatTemplate }),
      bosText: textOf(llama.vocabBos(vocab)),
      eosText: textOf(llama.vocabEos(vocab)),
      addsBos: llama.vocabAddsBos(vocab),
      controlTexts: tokenizer.controlTexts(),
      libraries: library.folder.package,
    },
  })
  const scheduler = new Scheduler(model, tokenizer, options)
  if (options.prefixFile !== undefined) loadPrefixes(options.prefixFile, options, scheduler.cache.parked)
  const embedder = new Embedder(model, tokenizer, options)
  tuneWhenIdle(library, model, options, {
    activity: () => scheduler.stats().steps + embedder.stats().evaluations,
    isBusy: () => stepping,
    tell: send,
  })
  return {
    options,
    tokenizer,
    scheduler,
    embedder,
    generates: llama.hasMemory(model.context),
  }
}

/** Requests to embed often come in a burst: while nothing else runs, the first waits this long for its companions. */
const companionsMs = 2

/** What was evaluated for one conversation or another need not be evaluated again by the next process. */
function keepPrefixes({ options, scheduler }: Loaded): void {
  if (options.prefixFile === undefined) return
  scheduler.cache.parkAll()
  try {
    savePrefixes(options.prefixFile, options, scheduler.cache.parked)
  } catch (error) {
    process.stderr.write(`the evaluated prefixes could not be written: ${String(error)}\n`)
  }
}

function onlyEmbeds(): InferloomError {
  const message = 'This model embeds text and cannot generate any. Remedy: use /v1/embeddings, or another model.'
  return new InferloomError('invalid_value', message, { param: 'model' })
}

/** A refusal as the protocol carries it. */
function refusalOf(thrown: unknown) {
  const { code, message, param } = asInferloomError(thrown)
  return { code, message, ...(param !== undefined && { param }) }
}

let loaded: Loaded | undefined
let stepping = false

function run(): void {
  for (let has = loaded; has && hasWork(has); has = loaded) {
    step(has)
    // Messages that arrived during the step are handled before the next one: a cancelled request frees its slot here.
    if (messageWaits()) return void setImmediate(run)
  }
  stepping = false
}

function hasWork({ scheduler, embedder }: Loaded): boolean {
  return !scheduler.idle || !embedder.idle
}

function step({ scheduler, embedder }: Loaded): void {
  const decoding = !scheduler.idle
  if (decoding) {
    const { deltas, done } = scheduler.step()
    if (deltas.length > 0 || done.length > 0) send({ type: 'step', deltas, done })
  }
  if (!embedder.idle) embed(embedder, decoding)
}

function embed(embedder: Embedder, decoding: boolean): void {
  const { parts, refused } = embedder.step(decoding)
  if (parts.length > 0) send({ type: 'embedded', parts })
  for (const { id, error } of refused) send({ type: 'refused', id, ...refusalOf(error) })
}

function count({ id, prompt, addSpecial }: Extract<ToWorker, { type: 'count' }>): void {
  try {
    if (loaded) send({ type: 'counted', id, tokens: loaded.tokenizer.encode(prompt, addSpecial).length })
  } catch (error) {
    send({ type: 'refused', id, ...refusalOf(error) })
  }
}

function start(afterMs: number): void {
  if (stepping) return
  stepping = true
  if (afterMs > 0) setTimeout(run, afterMs)
  else setImmediate(run)
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'load':
      try {
        loaded = load(message.options)
      } catch (error) {
        send({ type: 'failed', ...refusalOf(error) })
        process.disconnect()
      }
      break
    case 'generate':
      try {
        if (loaded && !loaded.generates) throw onlyEmbeds()
        loaded?.scheduler.add(message.job)
      } catch (error) {
        send({ type: 'refused', id: message.job.id, ...refusalOf(error) })
      }
      start(0)
      break
    case 'embed':
      try {
        loaded?.embedder.add(message.job)
      } catch (error) {
        send({ type: 'refused', id: message.job.id, ...refusalOf(error) })
      }
      start(loaded?.embedder.full ? 0 : companionsMs)
      break
    case 'count':
      count(message)
      break
    case 'cancel':
      loaded?.scheduler.cancel(message.id)
      loaded?.embedder.cancel(message.id)
      break
    case 'stats':
      if (loaded) send({ type: 'stats', stats: { ...loaded.scheduler.stats(), embeddings: loaded.embedder.stats() } })
      break
  }
})
// The parent decides when this process ends; a Ctrl-C in its terminal must not end answers before their time.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => {
  if (loaded) keepPrefixes(loaded)
  process.exit(0)
})
