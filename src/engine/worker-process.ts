import { fork, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { InferloomError } from '../canonical/errors.ts'
import { messagePipe, readMessages } from './message-lines.ts'
import type { FromWorker, LoadedModelInfo, LoadOptions, ToWorker } from './protocol.ts'

export interface WorkerHandlers {
  readonly onReady: (info: LoadedModelInfo) => void
  readonly onMessage: (message: Exclude<FromWorker, { type: 'ready' | 'failed' }>) => void
  /** Called once, however the process ended; `error` says how. */
  readonly onExit: (error: InferloomError) => void
}

/** Variables that native libraries and Node look at; keys and everything else of the user's stay out of the process. */
const passedOn =
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|SystemRoot|LD_LIBRARY_PATH|DYLD_|CUDA_|GGML_|VK_|HIP_|METAL_|NODE_COMPILE_CACHE)/

/** One engine process: started here, told what to do, and heard to the end. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #options: LoadOptions
  #complaint: InferloomError | undefined
  #lastWords = ''

  constructor(options: LoadOptions, handlers: WorkerHandlers) {
    this.#options = options
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
    this.#child = fork(new URL(file, import.meta.url), [], {
      // An evaluation pushes everything else out of the processor's caches, so what runs between two has to be small: the
      // compiled form of a function from its first call on saves a tenth of that (docs/benchmarks.md).
      // A young heap of more than 4 MB a space gains nothing here, and grows to 16 over the minutes.
      execArgv: ['--disable-warning=ExperimentalWarning', '--always-sparkplug', '--max-semi-space-size=4'],
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name))),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      windowsHide: true,
    })
    // Native code says why it aborts on stderr; the end of that is worth keeping, all of it is not.
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2000)
    })
    readMessages(this.#child.stdio[messagePipe] as Readable, (message: FromWorker) => {
      if (message.type === 'ready') handlers.onReady(message.info)
      else if (message.type === 'failed') this.#complaint = new InferloomError(message.code, message.message)
      else handlers.onMessage(message)
    })
    let exited = false
    const onExit = (how: string) => {
      if (exited) return
      exited = true
      handlers.onExit(this.#complaint ?? this.#failure(how))
    }
    this.#child.on('error', (error) => onExit(error.message))
    // 'close' comes after stderr has been read to its end.
    this.#child.on('close', (code, signal) => onExit(signal ? `was killed by ${signal}` : `ended with code ${code}`))
    this.send({ type: 'load', options })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: ToWorker): void {
    // A process that has just ended is reported by its exit, not by every message that it missed.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Lets it end by itself, and makes it after a second, or ten where it has prefixes to write. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.kill(), this.#options.prefixFile === undefined ? 1000 : 10_000)
    await ended
    clearTimeout(timer)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #failure(how: string): InferloomError {
    // A stack trace ends with the version of Node; what it is about stands before it.
    const words =
      this.#lastWords
        .split(/\n\s+at /)[0]
        ?.trim()
        .slice(-600) ?? ''
    const why = words === '' ? '' : ` Its last words: ${words}`
    return new InferloomError('engine_failed', `The engine process of model ${this.#options.model} ${how}.${why}`)
  }
}
