import { ignoreEnd, templateVariables, vllmSampling, type Preset } from './preset.ts'

/** Servers that one runs oneself, at the addresses where they listen. */
export const serverPresets: readonly Preset[] = [
  // https://docs.ollama.com/api/openai-compatibility: it knows no tool_choice, and no log probabilities.
  {
    name: 'ollama',
    baseUrl: 'http://127.0.0.1:11434/v1',
    env: [],
    chat: {
      reasoning: 'reasoning',
      fields: {
        n: null,
        logit_bias: null,
        logprobs: null,
        top_logprobs: null,
        tool_choice: null,
        parallel_tool_calls: null,
        verbosity: null,
      },
    },
    completions: true,
    embeddings: true,
    passed: ['openai-images'],
  },
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html and
  // https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/chat_completion/protocol.py; thoughts were called
  // `reasoning_content` once, and are not read under that name any more: …/features/reasoning_outputs.html
  {
    name: 'vllm',
    baseUrl: 'http://127.0.0.1:8000/v1',
    env: [],
    chat: {
      reasoning: 'reasoning',
      fields: {
        ...vllmSampling,
        ...templateVariables,
        ...ignoreEnd,
        // …/features/structured_outputs.html; xgrammar, which reads them, takes what llama.cpp takes.
        grammar: 'structured_outputs.grammar',
        verbosity: null,
      },
    },
    completions: true,
    embeddings: true,
    passed: ['openai-embeddings', 'openai-transcriptions', 'openai-translations'],
    // https://docs.vllm.ai/en/latest/usage/metrics/; the older name of what the cache holds: …/v0.7.0/serving/metrics.html
    load: {
      running: 'vllm:num_requests_running',
      waiting: 'vllm:num_requests_waiting',
      cacheUse: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
    },
  },
  // https://docs.sglang.io/basic_usage/openai_api_completions.html and
  // https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/protocol.py
  {
    name: 'sglang',
    baseUrl: 'http://127.0.0.1:30000/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: { ...vllmSampling, ...templateVariables, ...ignoreEnd, grammar: 'ebnf', verbosity: null },
    },
    completions: true,
    embeddings: true,
    // Where it is started with --enable-metrics: https://docs.sglang.io/references/production_metrics.html
    load: {
      running: 'sglang:num_running_reqs',
      waiting: 'sglang:num_queue_reqs',
      cacheUse: ['sglang:token_usage'],
    },
  },
  // https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
  {
    name: 'llama-server',
    baseUrl: 'http://127.0.0.1:8080/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: {
        ...templateVariables,
        ...ignoreEnd,
        top_k: 'top_k',
        min_p: 'min_p',
        repeat_penalty: 'repeat_penalty',
        repeat_last_n: 'repeat_last_n',
        grammar: 'grammar',
        verbosity: null,
      },
    },
    completions: true,
    embeddings: true,
    passed: ['openai-embeddings'],
    // Where it is started with --metrics.
    load: { running: 'llamacpp:requests_processing', waiting: 'llamacpp:requests_deferred' },
  },
  // https://lmstudio.ai/docs/developer/openai-compat/chat-completions (supported payload parameters) and …/api-changelog
  {
    name: 'lmstudio',
    baseUrl: 'http://127.0.0.1:1234/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: {
        n: null,
        logprobs: null,
        top_logprobs: null,
        parallel_tool_calls: null,
        top_k: 'top_k',
        repeat_penalty: 'repeat_penalty',
        verbosity: null,
      },
    },
    completions: true,
    embeddings: true,
  },
  // https://huggingface.co/docs/text-generation-inference/reference/api_reference: `n` and `logit_bias` are there, and unused.
  {
    name: 'tgi',
    baseUrl: 'http://127.0.0.1:8080/v1',
    env: [],
    chat: { fields: { n: null, logit_bias: null, parallel_tool_calls: null, reasoning_effort: null, verbosity: null } },
    completions: true,
    // https://huggingface.co/docs/text-generation-inference/reference/metrics
    load: { running: 'tgi_batch_current_size', waiting: 'tgi_queue_size' },
  },
  // https://localai.io/features/text-generation/ and
  // https://github.com/mudler/LocalAI/blob/master/core/schema/prediction.go
  {
    name: 'localai',
    baseUrl: 'http://127.0.0.1:8080/v1',
    env: [],
    chat: {
      fields: {
        top_k: 'top_k',
        min_p: 'min_p',
        repeat_penalty: 'repeat_penalty',
        repeat_last_n: 'repeat_last_n',
        grammar: 'grammar',
        parallel_tool_calls: null,
        verbosity: null,
      },
    },
    completions: true,
    embeddings: true,
    // https://localai.io/features/
    passed: ['openai-images', 'openai-speech', 'openai-transcriptions'],
  },
]
