// The C API of llama.cpp v0.5.0 (include/llama.h, ggml/include/ggml-backend.h), as far as the engine uses it.
// Structs pass by value, so field order and types here are the ABI of exactly that release; `library.ts` checks it.
import koffi from 'koffi'

/** A C pointer; only the library looks behind it. */
export type Pointer = { readonly __pointer: unique symbol }

interface ModelParams {
  n_gpu_layers: number
  load_mode: number
  check_tensors: boolean
  vocab_only: boolean
}

interface ContextParams {
  n_ctx: number
  n_batch: number
  n_ubatch: number
  n_seq_max: number
  n_threads: number
  n_threads_batch: number
  flash_attn_type: number
  type_k: number
  type_v: number
  offload_kqv: boolean
  no_perf: boolean
  kv_unified: boolean
  embeddings: boolean
  pooling_type: number
  n_samplers: number
}

export interface Batch {
  n_tokens: number
  token: Pointer
  pos: Pointer
  n_seq_id: Pointer
  seq_id: Pointer
  logits: Pointer
}

export interface Device {
  readonly name: string
  readonly description: string
  /** 0 CPU, 1 GPU, 2 GPU with host memory, 3 accelerator beside the CPU (enum ggml_backend_dev_type) */
  readonly type: number
  readonly memoryFree: number
  readonly memoryTotal: number
}

const int32 = ['n_gpu_layers', 'split_mode', 'load_mode', 'lazy_mode', 'main_gpu']
const contextUint32 = [
  'n_ctx',
  'n_batch',
  'n_ubatch',
  'n_seq_max',
  'n_rs_seq',
  'n_outputs_max',
  'n_outputs_max_per_seq',
]
const contextInt32 = [
  'n_threads',
  'n_threads_batch',
  'ctx_type',
  'rope_scaling_type',
  'pooling_type',
  'attention_type',
  'flash_attn_type',
]
const contextFloat = [
  'rope_freq_base',
  'rope_freq_scale',
  'yarn_ext_factor',
  'yarn_attn_factor',
  'yarn_beta_fast',
  'yarn_beta_slow',
]

function fields(names: readonly string[], type: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, type]))
}

let declared = false
export function declareStructs(): void {
  if (declared) return
  declared = true
  koffi.struct('llama_model_params', {
    devices: 'void *',
    tensor_buft_overrides: 'void *',
    ...fields(int32, 'int32_t'),
    ...fields(['tensor_split', 'progress_callback', 'progress_callback_user_data', 'kv_overrides'], 'void *'),
    ...fields(['vocab_only', 'check_tensors', 'use_extra_bufts', 'no_host', 'no_alloc', 'load_mtp'], 'bool'),
  })
  koffi.struct('llama_context_params', {
    ...fields(contextUint32, 'uint32_t'),
    ...fields(contextInt32, 'int32_t'),
    ...fields(contextFloat, 'float'),
    yarn_orig_ctx: 'uint32_t',
    defrag_thold: 'float',
    ...fields(['cb_eval', 'cb_eval_user_data'], 'void *'),
    ...fields(['type_k', 'type_v'], 'int32_t'),
    ...fields(['abort_callback', 'abort_callback_data'], 'void *'),
    ...fields(['embeddings', 'offload_kqv', 'no_perf', 'op_offload', 'swa_full', 'kv_unified'], 'bool'),
    samplers: 'void *',
    n_samplers: 'size_t',
    ctx_other: 'void *',
  })
  koffi.struct('llama_batch', {
    n_tokens: 'int32_t',
    ...fields(['token', 'embd', 'pos', 'n_seq_id', 'seq_id', 'logits'], 'void *'),
  })
  koffi.struct('llama_sampler_chain_params', { no_perf: 'bool' })
  koffi.struct('llama_logit_bias', { token: 'int32_t', bias: 'float' })
  koffi.proto('void inferloom_log(int level, const char *text, void *user_data)')
}

export interface Functions {
  logSet(log: (level: number, text: string) => void): void
  loadBackends(folder: string): void
  backendInit(): void
  devices(): Device[]
  systemInfo(): string
  modelDefaultParams(): ModelParams
  contextDefaultParams(): ContextParams
  modelLoad(path: string, params: ModelParams): Pointer | null
  modelFree(model: Pointer): void
  modelVocab(model: Pointer): Pointer
  modelContextTokens(model: Pointer): number
  modelParameters(model: Pointer): number
  modelSize(model: Pointer): number
  modelLayers(model: Pointer): number
  modelEmbedding(model: Pointer): number
  modelHeads(model: Pointer): number
  modelHeadsKv(model: Pointer): number
  modelTemplate(model: Pointer, name: string | null): string | null
  modelEmbeddingOut(model: Pointer): number
  modelHasEncoder(model: Pointer): boolean
  modelScores(model: Pointer): number
  modelScoreLabel(model: Pointer, index: number): string | null
  /** Bytes of the value as text, or −1 when the file does not have it. */
  modelMetadata(model: Pointer, key: string, into: Uint8Array, room: number): number
  contextInit(model: Pointer, params: ContextParams): Pointer | null
  contextTokens(context: Pointer): number
  /** Null when the file is damaged or does not fit the model. */
  adapterLoad(model: Pointer, path: string): Pointer | null
  /** 0 when all is well. */
  adaptersSet(context: Pointer, adapters: readonly Pointer[], count: number, scales: readonly number[]): number
  contextFree(context: Pointer): void
  setThreads(context: Pointer, threads: number, threadsBatch: number): void
  memory(context: Pointer): Pointer
  /** Models that only embed have no memory of earlier tokens, and cannot generate. */
  hasMemory(context: Pointer): boolean
  memoryClear(memory: Pointer, data: boolean): void
  sequenceRemove(memory: Pointer, sequence: number, from: number, to: number): boolean
  sequenceCopy(memory: Pointer, from: number, to: number, start: number, end: number): void
  modelIsRecurrent(model: Pointer): boolean
  modelIsHybrid(model: Pointer): boolean
  stateSequenceSize(context: Pointer, sequence: number): number
  stateSequenceGet(context: Pointer, into: Uint8Array, size: number, sequence: number): number
  /** 0 when it does not fit. */
  stateSequenceSet(context: Pointer, from: Uint8Array, size: number, sequence: number): number
  batchInit(tokens: number, embedding: number, sequences: number): Batch
  decode(context: Pointer, batch: Batch): number
  encode(context: Pointer, batch: Batch): number
  logits(context: Pointer, index: number): Pointer
  embeddingOf(context: Pointer, sequence: number): Pointer | null
  vocabSize(vocab: Pointer): number
  vocabIsEnd(vocab: Pointer, token: number): boolean
  vocabIsControl(vocab: Pointer, token: number): boolean
  vocabText(vocab: Pointer, token: number): string
  vocabBos(vocab: Pointer): number
  vocabEos(vocab: Pointer): number
  vocabAddsBos(vocab: Pointer): boolean
  vocabSep(vocab: Pointer): number
  vocabAddsEos(vocab: Pointer): boolean
  vocabAddsSep(vocab: Pointer): boolean
  tokenize(
    vocab: Pointer,
    text: Uint8Array,
    bytes: number,
    into: Int32Array,
    room: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): number
  tokenToPiece(
    vocab: Pointer,
    token: number,
    into: Uint8Array,
    room: number,
    leftStrip: number,
    special: boolean,
  ): number
  samplerChain(params: { no_perf: boolean }): Pointer
  samplerAdd(chain: Pointer, sampler: Pointer): void
  samplerGreedy(): Pointer
  samplerDist(seed: number): Pointer
  samplerTopK(k: number): Pointer
  samplerTopP(p: number, minKeep: number): Pointer
  samplerMinP(p: number, minKeep: number): Pointer
  samplerTemperature(temperature: number): Pointer
  samplerPenalties(vocabulary: number, lastN: number, repeat: number, frequency: number, presence: number): Pointer
  samplerLogitBias(vocabulary: number, count: number, biases: { token: number; bias: number }[]): Pointer
  samplerSample(chain: Pointer, context: Pointer, index: number): number
  /** Null when the grammar does not parse. */
  samplerGrammar(vocab: Pointer, grammar: string, root: string): Pointer | null
  /** `candidates` is the memory of a llama_token_data_array, see `candidates.ts`. */
  samplerApply(sampler: Pointer, candidates: Uint8Array): void
  samplerAccept(sampler: Pointer, token: number): void
  samplerFree(chain: Pointer): void
}

type SharedLibrary = ReturnType<typeof koffi.load>

export function declareFunctions(llama: SharedLibrary, ggml: SharedLibrary, base: SharedLibrary): Functions {
  const of = (signature: string) => llama.func(signature)
  const deviceCount = ggml.func('size_t ggml_backend_dev_count()')
  const deviceGet = ggml.func('void *ggml_backend_dev_get(size_t index)')
  const deviceName = base.func('const char *ggml_backend_dev_name(void *device)')
  const deviceDescription = base.func('const char *ggml_backend_dev_description(void *device)')
  const deviceType = base.func('int ggml_backend_dev_type(void *device)')
  const deviceMemory = base.func('void ggml_backend_dev_memory(void *device, _Out_ size_t *free, _Out_ size_t *total)')
  const memory = of('void *llama_get_memory(void *context)')
  const logSet = of('void llama_log_set(inferloom_log *callback, void *user_data)')
  return {
    logSet: (log) => logSet(koffi.register(log, 'inferloom_log *'), null),
    loadBackends: ggml.func('void ggml_backend_load_all_from_path(const char *folder)'),
    backendInit: of('void llama_backend_init()'),
    devices: () =>
      Array.from({ length: Number(deviceCount()) }, (_, index) => {
        const device: unknown = deviceGet(index)
        const free = [0]
        const total = [0]
        deviceMemory(device, free, total)
        return {
          name: String(deviceName(device)),
          description: String(deviceDescription(device)),
          type: Number(deviceType(device)),
          memoryFree: Number(free[0]),
          memoryTotal: Number(total[0]),
        }
      }),
    systemInfo: of('const char *llama_print_system_info()'),
    modelDefaultParams: of('llama_model_params llama_model_default_params()'),
    contextDefaultParams: of('llama_context_params llama_context_default_params()'),
    modelLoad: of('void *llama_model_load_from_file(const char *path, llama_model_params params)'),
    modelFree: of('void llama_model_free(void *model)'),
    modelVocab: of('void *llama_model_get_vocab(void *model)'),
    modelContextTokens: of('int32_t llama_model_n_ctx_train(void *model)'),
    modelParameters: of('uint64_t llama_model_n_params(void *model)'),
    modelSize: of('uint64_t llama_model_size(void *model)'),
    modelLayers: of('int32_t llama_model_n_layer(void *model)'),
    modelEmbedding: of('int32_t llama_model_n_embd(void *model)'),
    modelHeads: of('int32_t llama_model_n_head(void *model)'),
    modelHeadsKv: of('int32_t llama_model_n_head_kv(void *model)'),
    modelTemplate: of('const char *llama_model_chat_template(void *model, const char *name)'),
    modelEmbeddingOut: of('int32_t llama_model_n_embd_out(void *model)'),
    modelHasEncoder: of('bool llama_model_has_encoder(void *model)'),
    modelScores: of('uint32_t llama_model_n_cls_out(void *model)'),
    modelScoreLabel: of('const char *llama_model_cls_label(void *model, uint32_t index)'),
    modelMetadata: of(
      'int32_t llama_model_meta_val_str(void *model, const char *key, _Out_ uint8_t *into, size_t room)',
    ),
    contextInit: of('void *llama_init_from_model(void *model, llama_context_params params)'),
    contextTokens: of('uint32_t llama_n_ctx(void *context)'),
    adapterLoad: of('void *llama_adapter_lora_init(void *model, const char *path)'),
    adaptersSet: of('int32_t llama_set_adapters_lora(void *context, void **adapters, size_t count, float *scales)'),
    contextFree: of('void llama_free(void *context)'),
    setThreads: of('void llama_set_n_threads(void *context, int32_t threads, int32_t threads_batch)'),
    memory,
    hasMemory: (context) => memory(context) !== null,
    memoryClear: of('void llama_memory_clear(void *memory, bool data)'),
    sequenceRemove: of('bool llama_memory_seq_rm(void *memory, int32_t sequence, int32_t from, int32_t to)'),
    sequenceCopy: of(
      'void llama_memory_seq_cp(void *memory, int32_t source, int32_t target, int32_t from, int32_t to)',
    ),
    modelIsRecurrent: of('bool llama_model_is_recurrent(void *model)'),
    modelIsHybrid: of('bool llama_model_is_hybrid(void *model)'),
    stateSequenceSize: of('size_t llama_state_seq_get_size(void *context, int32_t sequence)'),
    stateSequenceGet: of(
      'size_t llama_state_seq_get_data(void *context, _Out_ uint8_t *into, size_t size, int32_t sequence)',
    ),
    stateSequenceSet: of(
      'size_t llama_state_seq_set_data(void *context, const uint8_t *from, size_t size, int32_t sequence)',
    ),
    batchInit: of('llama_batch llama_batch_init(int32_t tokens, int32_t embedding, int32_t sequences)'),
    decode: of('int32_t llama_decode(void *context, llama_batch batch)'),
    encode: of('int32_t llama_encode(void *context, llama_batch batch)'),
    logits: of('void *llama_get_logits_ith(void *context, int32_t index)'),
    embeddingOf: of('void *llama_get_embeddings_seq(void *context, int32_t sequence)'),
    vocabSize: of('int32_t llama_vocab_n_tokens(void *vocab)'),
    vocabIsEnd: of('bool llama_vocab_is_eog(void *vocab, int32_t token)'),
    vocabIsControl: of('bool llama_vocab_is_control(void *vocab, int32_t token)'),
    vocabText: of('const char *llama_vocab_get_text(void *vocab, int32_t token)'),
    vocabBos: of('int32_t llama_vocab_bos(void *vocab)'),
    vocabEos: of('int32_t llama_vocab_eos(void *vocab)'),
    vocabAddsBos: of('bool llama_vocab_get_add_bos(void *vocab)'),
    vocabSep: of('int32_t llama_vocab_sep(void *vocab)'),
    vocabAddsEos: of('bool llama_vocab_get_add_eos(void *vocab)'),
    vocabAddsSep: of('bool llama_vocab_get_add_sep(void *vocab)'),
    tokenize: of(
      'int32_t llama_tokenize(void *vocab, const uint8_t *text, int32_t bytes, _Out_ int32_t *tokens, int32_t room, bool add_special, bool parse_special)',
    ),
    tokenToPiece: of(
      'int32_t llama_token_to_piece(void *vocab, int32_t token, _Out_ uint8_t *into, int32_t room, int32_t lstrip, bool special)',
    ),
    samplerChain: of('void *llama_sampler_chain_init(llama_sampler_chain_params params)'),
    samplerAdd: of('void llama_sampler_chain_add(void *chain, void *sampler)'),
    samplerGreedy: of('void *llama_sampler_init_greedy()'),
    samplerDist: of('void *llama_sampler_init_dist(uint32_t seed)'),
    samplerTopK: of('void *llama_sampler_init_top_k(int32_t k)'),
    samplerTopP: of('void *llama_sampler_init_top_p(float p, size_t min_keep)'),
    samplerMinP: of('void *llama_sampler_init_min_p(float p, size_t min_keep)'),
    samplerTemperature: of('void *llama_sampler_init_temp(float temperature)'),
    samplerPenalties: of(
      'void *llama_sampler_init_penalties(int32_t vocabulary, int32_t last_n, float repeat, float frequency, float presence)',
    ),
    samplerLogitBias: of(
      'void *llama_sampler_init_logit_bias(int32_t vocabulary, int32_t count, const llama_logit_bias *biases)',
    ),
    samplerSample: of('int32_t llama_sampler_sample(void *chain, void *context, int32_t index)'),
    samplerGrammar: of('void *llama_sampler_init_grammar(void *vocab, const char *grammar, const char *root)'),
    samplerApply: of('void llama_sampler_apply(void *sampler, void *candidates)'),
    samplerAccept: of('void llama_sampler_accept(void *sampler, int32_t token)'),
    samplerFree: of('void llama_sampler_free(void *chain)'),
  }
}
