// The engine's process: one model, one thread of JavaScript that does nothing but evaluate.
// It is started by `worker-process.ts`, speaks the messages of `protocol.ts`, and ends when its parent does.
import { loadLibrary } from './binding/library.ts'
import { openModel } from './binding/model.ts'
import type { FromWorker, LoadOptions, ToWorker } from './protocol.ts'
import { refusalOf, Scheduler } from './scheduler.ts'
import { Tokenizer } from './tokenizer.ts'

const logLevelWarning = 3 // enum ggml_log_level: 1 debug, 2 info, 3 warning, 4 error

function send(message: FromWorker): void {
  process.send?.(message)
}

function load(options: LoadOptions): Scheduler {
  const complaints: string[] = []
  const library = loadLibrary((level, text) => {
    if (level <= logLevelWarning) return
    if (complaints.length < 20) complaints.push(text.trim())
    process.stderr.write(text)
  })
  const model = openModel(library, options, complaints)
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
  return new Scheduler(model, tokenizer, options.prefillChunkTokens)
}

let scheduler: Scheduler | undefined
let stepping = false

function run(): void {
  if (!scheduler || scheduler.idle) {
    stepping = false
    return
  }
  const { deltas, done } = scheduler.step()
  if (deltas.length > 0 || done.length > 0) send({ type: 'step', deltas, done })
  // Messages that arrived during the step are handled before the next one: a cancelled request frees its slot here.
  setImmediate(run)
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'load':
      try {
        scheduler = load(message.options)
      } catch (error) {
        send({ type: 'failed', ...refusalOf(error) })
        process.disconnect()
      }
      break
    case 'generate':
      try {
        scheduler?.add(message.job)
      } catch (error) {
        send({ type: 'refused', id: message.job.id, ...refusalOf(error) })
      }
      if (!stepping) {
        stepping = true
        setImmediate(run)
      }
      break
    case 'cancel':
      scheduler?.cancel(message.id)
      break
    case 'stats':
      if (scheduler) send({ type: 'stats', stats: scheduler.stats() })
      break
  }
})
// The parent decides when this process ends; a Ctrl-C in its terminal must not end answers before their time.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit(0))
