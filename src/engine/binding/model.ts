import koffi from 'koffi'
import { closeSync, openSync, readSync } from 'node:fs'
import { InferloomError } from '../../canonical/errors.ts'
import { fusedHeadSize, mostCells } from '../cache-size.ts'
import { estimateMemory } from '../fit.ts'
import { readGguf } from '../gguf.ts'
import { gpuLayers } from '../gpu-layers.ts'
import type { LoadOptions } from '../protocol.ts'
import { loadAdapters, useAdapters, type Adapter } from './adapters.ts'
import type { Batch, Functions, Pointer } from './abi.ts'
import type { Library } from './library.ts'

/** A model in memory with one context, and the buffers that evaluations are written into. */
export interface LoadedModel {
  readonly llama: Functions
  readonly model: Pointer
  readonly context: Pointer
  readonly memory: Pointer
  readonly vocab: Pointer
  readonly vocabulary: number
  readonly contextTokens: number
  readonly parallel: number
  /** KV cells of all sequences together: one per token held. */
  readonly cells: number
  /**
   * Whether each sequence has cells of its own, which no other's evaluation has to pass over, instead of a part of one
   * cache for all. Then a sequence begins with what another holds by a copy of it.
   */
  readonly streams: boolean
  /** Sequences there can be at once: those that run, and those kept for later. */
  readonly sequences: number
  /** Cells that finished requests may keep; more would slow every step down. */
  readonly keepCells: number
  /** Whether a sequence can begin with a part of another: recurrent models only have the state after its last token. */
  readonly canShare: boolean
  readonly batchTokens: number
  /** Of one evaluation, as far as it is this machine's processor that evaluates. */
  readonly threads: number
  readonly batch: BatchBuffers
  readonly adapters: readonly Adapter[]
}

/** `llama_batch` as typed arrays over its own memory: one entry per token of an evaluation. */
export interface BatchBuffers {
  readonly native: Batch
  readonly token: Int32Array
  readonly position: Int32Array
  /** One sequence id per token, see `openBatch`. */
  readonly sequence: Int32Array
  readonly wantsLogits: Int8Array
}

/** The most memory that the KV cache may take, as a share of what is free when the model is loaded. */
const cacheShare = 0.5
const bytesPerValue = 2 // F16, the default that library.ts checked

/**
 * Loads a GGUF file. Throws an error that names the file when it is missing, damaged or not understood.
 * `refine` may change what is still open once the weights are there.
 */
export function openModel(
  library: Library,
  asked: LoadOptions,
  log: readonly string[],
  refine: (model: Pointer) => LoadOptions = () => asked,
): LoadedModel {
  const { llama } = library
  const model = openWeights(library, asked, log)
  const options = refine(model)
  const trained = llama.modelContextTokens(model)
  const contextTokens = Math.min(options.contextTokens ?? trained, trained)
  const cells = options.cells ?? cellsWithin(library, model, contextTokens, options.parallel)
  const ownCells = Math.ceil(contextTokens / cellsPerBlock) * cellsPerBlock
  const streams = !hasGpu(library) && cells >= contextTokens * options.parallel
  const sequences = streams ? options.parallel : Math.min(options.parallel + keptSequences, mostSequences)
  const { threads, batchTokens } = options
  const flashAttention = options.flashAttention ?? fusedByDefault(library, model)
  const context = contextOf(llama, model, {
    cells: streams ? ownCells * sequences : cells,
    streams,
    sequences,
    threads,
    batchTokens,
    flashAttention,
  })
  if (!context) throw loadError(options.file, log)
  const adapters = loadAdapters(llama, model, options, log)
  useAdapters(llama, context, adapters)
  const vocab = llama.modelVocab(model)
  return {
    llama,
    model,
    context,
    memory: llama.memory(context),
    vocab,
    vocabulary: llama.vocabSize(vocab),
    contextTokens,
    parallel: options.parallel,
    cells: llama.contextTokens(context),
    streams,
    sequences,
    keepCells:
      options.keepCells ??
      (hasGpu(library) ? Math.min(keptCellsOnGpu, Math.floor(llama.contextTokens(context) / 2)) : 0),
    canShare: (options.prefixReuse ?? true) && !llama.modelIsRecurrent(model) && !llama.modelIsHybrid(model),
    batchTokens: options.batchTokens,
    threads: hasGpu(library) ? 1 : threads,
    batch: openBatch(llama, options.batchTokens),
    adapters,
  }
}

/** Loads the weights alone; throws as `openModel` does. */
export function openWeights(library: Library, options: LoadOptions, log: readonly string[]): Pointer {
  const { llama } = library
  checkMagic(options.file)
  const model = llama.modelLoad(options.file, { ...llama.modelDefaultParams(), ...layersOnGpu(library, options) })
  if (!model) throw loadError(options.file, log)
  return model
}

const mostSequences = 256 // LLAMA_MAX_SEQ
const keptSequences = 48
const cellsPerBlock = 256 // llama.cpp makes the cells of a sequence a multiple of this, src/llama-context.cpp

interface ContextSettings {
  readonly cells: number
  /** Whether the cells are shared out evenly among the sequences; absent leaves them to whoever needs them. */
  readonly streams?: boolean
  readonly sequences: number
  readonly threads: number
  readonly batchTokens: number
  readonly flashAttention: boolean
}

/** Null when there is no memory for it. */
export function contextOf(llama: Functions, model: Pointer, settings: ContextSettings): Pointer | null {
  const { cells, sequences, threads, batchTokens } = settings
  return llama.contextInit(model, {
    ...llama.contextDefaultParams(),
    n_ctx: cells,
    n_batch: batchTokens,
    n_ubatch: batchTokens,
    n_seq_max: sequences,
    n_threads: threads,
    n_threads_batch: threads,
    flash_attn_type: settings.flashAttention ? flashAttentionType.auto : flashAttentionType.off,
    kv_unified: !settings.streams,
  })
}

export function fusedByDefault(library: Library, model: Pointer): boolean {
  return hasGpu(library) || headSize(library.llama, model) >= fusedHeadSize
}

const flashAttentionType = { auto: -1, off: 0 } // enum llama_flash_attn_type
// In one cache for all, every step passes over the cells of all sequences. On a processor 4,096 kept ones make a step of
// eight answers half as long again (docs/benchmarks.md), so there they are copied out at once; memory of a GPU is slower
// to copy from.
const keptCellsOnGpu = 4096

/** llama.cpp puts all layers on the GPU, and fails where they do not fit: then as many as do. */
function layersOnGpu(library: Library, { file, contextTokens, batchTokens }: LoadOptions): { n_gpu_layers?: number } {
  if (!hasGpu(library)) return {}
  const gguf = readGguf(file)
  const gpus = library.llama.devices().filter(({ type }) => type === 1 || type === 2)
  const free = gpus.reduce((sum, { memoryFree }) => sum + memoryFree, 0)
  const layers = gpuLayers(gguf, estimateMemory(gguf, { contextTokens, batchTokens, flashAttention: true }), free)
  return layers > gguf.layers ? {} : { n_gpu_layers: layers }
}

function hasGpu({ llama }: Library): boolean {
  return llama.devices().some(({ type }) => type === 1 || type === 2)
}

/**
 * Room for every sequence at full length, up to `mostCells` and as far as memory allows it, and always for one: few
 * requests fill their context, and one that finds the cache full is set aside until there is room.
 */
function cellsWithin({ llama }: Library, model: Pointer, contextTokens: number, parallel: number): number {
  const cell = 2 * llama.modelLayers(model) * llama.modelHeadsKv(model) * headSize(llama, model) * bytesPerValue
  const free = llama.devices().reduce((most, device) => Math.max(most, device.memoryFree), 0)
  const affordable = Math.floor((free * cacheShare) / Math.max(1, cell))
  return Math.max(contextTokens, Math.min(contextTokens * parallel, mostCells, affordable))
}

export function headSize(llama: Functions, model: Pointer): number {
  return llama.modelEmbedding(model) / Math.max(1, llama.modelHeads(model))
}

export function openBatch(llama: Functions, tokens: number): BatchBuffers {
  const native = llama.batchInit(tokens, 0, 1)
  const view = (pointer: Pointer, bytes: number): ArrayBuffer => koffi.view(pointer, bytes)
  // llama_batch_init allocates each token's list of sequences on its own; they are pointed into one array instead,
  // so that filling a batch is plain array writes. The batch lives as long as the process, so nothing is freed.
  new Int32Array(view(native.n_seq_id, tokens * 4)).fill(1)
  const sequence = new Int32Array(new ArrayBuffer(tokens * 4)) // off V8's heap, where it never moves
  const lists = new BigUint64Array(view(native.seq_id, tokens * 8))
  const base: bigint = koffi.address(sequence)
  for (let index = 0; index < tokens; index++) lists[index] = base + BigInt(index * 4)
  return {
    native,
    token: new Int32Array(view(native.token, tokens * 4)),
    position: new Int32Array(view(native.pos, tokens * 4)),
    sequence,
    wantsLogits: new Int8Array(view(native.logits, tokens)),
  }
}

/** The logits of one output of the last evaluation; valid until the next one. */
export function logitsOf(model: LoadedModel, index: number): Float32Array {
  return new Float32Array(koffi.view(model.llama.logits(model.context, index), model.vocabulary * 4))
}

function checkMagic(file: string): void {
  const head = Buffer.alloc(4)
  let read: number
  try {
    const descriptor = openSync(file, 'r')
    try {
      read = readSync(descriptor, head)
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('model_file_missing', `The model file ${file} cannot be read: ${reason}.`, { cause })
  }
  if (read < 4 || head.toString('latin1') !== 'GGUF') {
    throw new InferloomError('model_file_invalid', `${file} is not a GGUF file: it does not begin with "GGUF".`)
  }
}

function loadError(file: string, log: readonly string[]): InferloomError {
  const reason = log.join(' ').trim() || 'llama.cpp gave no reason'
  const architecture = /unknown model architecture: '([^']*)'/.exec(reason)?.[1]
  if (architecture !== undefined) {
    return new InferloomError(
      'model_unsupported',
      `${file} holds a model of architecture '${architecture}', which this llama.cpp does not know. ` +
        'Remedy: use another model, or update inferloom.',
    )
  }
  return new InferloomError(
    'model_file_invalid',
    `${file} could not be loaded: ${reason.slice(0, 600)}. Remedy: the file may be truncated; fetch it again and compare its size.`,
  )
}
