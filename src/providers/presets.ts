import type { PurposeWords } from './wire/embed-purpose.ts'
import type { ChatOptions } from './wire/openai-chat-options.ts'
import type { PassedName } from './wire/openai-passed.ts'

/** A provider that speaks OpenAI's API, by what is different about it. */
export interface Preset {
  readonly name: string
  /** Absent where there is no usual one. */
  readonly baseUrl?: string
  /** Names of the variables a key can come from; none means that none is needed. */
  readonly env: readonly string[]
  /** Whether a key in the environment is not enough, because it is often there for another program. */
  readonly onlyWhenNamed?: true
  readonly chat: ChatOptions
  /** Whether it completes bare prompts. */
  readonly completions?: true
  readonly embeddings?: true
  /** What it calls the purposes of vectors, where it wants to know. */
  readonly purposes?: PurposeWords
  /**
   * What is passed on to it as it stands. Embeddings are only where it has vectors in base64, which OpenAI's clients ask
   * for without being told to; elsewhere they are translated.
   */
  readonly passed?: readonly PassedName[]
  /** Whether it lists its models; absent means it does. */
  readonly list?: false
}

/** Samplers of the open-source servers, by what vLLM calls them and those that followed it. */
const vllmSampling = { top_k: 'top_k', min_p: 'min_p', repeat_penalty: 'repetition_penalty' } as const
const templateVariables = { chat_template_kwargs: 'chat_template_kwargs' } as const

export const presets: readonly Preset[] = [
  // https://console.groq.com/docs/openai and …/api-reference: no log probabilities, one choice.
  {
    name: 'groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    env: ['GROQ_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      reasoning: 'reasoning',
      fields: { n: null, logprobs: null, top_logprobs: null, logit_bias: null, verbosity: null },
    },
    // https://console.groq.com/docs/speech-to-text and …/text-to-speech
    passed: ['openai-speech', 'openai-transcriptions', 'openai-translations'],
  },
  // https://docs.together.ai/reference/chat-completions-1: `logprobs` is a number there, and answers have a form of their own.
  {
    name: 'together',
    baseUrl: 'https://api.together.xyz/v1',
    env: ['TOGETHER_API_KEY'],
    chat: {
      reasoning: 'reasoning',
      fields: { ...vllmSampling, ...templateVariables, logprobs: null, top_logprobs: null, verbosity: null },
    },
    completions: true,
    embeddings: true,
    // https://docs.together.ai/docs/inference/openai-compatibility
    passed: ['openai-images', 'openai-speech'],
  },
  // https://docs.fireworks.ai/api-reference/post-chatcompletions
  {
    name: 'fireworks',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    env: ['FIREWORKS_API_KEY'],
    chat: { reasoning: 'reasoning_content', fields: { ...vllmSampling, verbosity: null } },
    completions: true,
    embeddings: true,
  },
  // https://api-docs.deepseek.com/api/create-chat-completion: JSON objects, not schemas, and thoughts sent back as in
  // https://api-docs.deepseek.com/guides/thinking_mode
  {
    name: 'deepseek',
    baseUrl: 'https://api.deepseek.com',
    env: ['DEEPSEEK_API_KEY'],
    chat: {
      reasoning: 'reasoning_content',
      jsonSchema: false,
      fields: { n: null, seed: null, logit_bias: null, parallel_tool_calls: null, verbosity: null },
    },
  },
  // https://docs.x.ai/docs/api-reference#chat-completions
  {
    name: 'xai',
    baseUrl: 'https://api.x.ai/v1',
    env: ['XAI_API_KEY'],
    chat: { maxTokens: 'max_completion_tokens', fields: { logit_bias: null, verbosity: null }, tells: ['user'] },
    // https://docs.x.ai/docs/guides/image-generations
    passed: ['openai-images'],
  },
  // https://openrouter.ai/docs/api-reference/parameters
  {
    name: 'openrouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    env: ['OPENROUTER_API_KEY'],
    chat: {
      reasoning: 'reasoning',
      cacheMarks: true,
      fields: { ...vllmSampling, n: null },
      tells: ['user'],
    },
    completions: true,
  },
  // https://docs.perplexity.ai/api-reference/chat-completions-post
  {
    name: 'perplexity',
    baseUrl: 'https://api.perplexity.ai',
    env: ['PERPLEXITY_API_KEY'],
    chat: {
      streamOptions: false,
      fields: {
        n: null,
        seed: null,
        logit_bias: null,
        logprobs: null,
        top_logprobs: null,
        tools: null,
        parallel_tool_calls: null,
        verbosity: null,
      },
    },
    list: false,
  },
  // https://inference-docs.cerebras.ai/resources/openai
  {
    name: 'cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    env: ['CEREBRAS_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      reasoning: 'reasoning',
      fields: { n: null, frequency_penalty: null, presence_penalty: null, logit_bias: null, verbosity: null },
    },
  },
  // https://platform.moonshot.ai/docs/api/chat
  {
    name: 'moonshot',
    baseUrl: 'https://api.moonshot.ai/v1',
    env: ['MOONSHOT_API_KEY'],
    chat: {
      reasoning: 'reasoning_content',
      fields: { seed: null, logit_bias: null, logprobs: null, top_logprobs: null, verbosity: null },
      tells: ['prompt_cache_key', 'safety_identifier'],
    },
  },
  // https://www.alibabacloud.com/help/en/model-studio/use-qwen-by-calling-api
  {
    name: 'alibaba',
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    env: ['DASHSCOPE_API_KEY'],
    chat: {
      reasoning: 'reasoning_content',
      fields: { top_k: 'top_k', reasoning_tokens: 'thinking_budget', logit_bias: null, verbosity: null },
    },
    embeddings: true,
    list: false,
  },
  // https://docs.api.nvidia.com/nim/reference/llm-apis
  {
    name: 'nvidia',
    baseUrl: 'https://integrate.api.nvidia.com/v1',
    env: ['NVIDIA_API_KEY'],
    chat: { reasoning: 'reasoning_content', fields: { ...templateVariables, verbosity: null } },
    completions: true,
    embeddings: true,
    // https://docs.nvidia.com/nim/nemo-retriever/text-embedding/latest/use-the-api-openai.html
    purposes: { query: 'query', document: 'passage' },
  },
  // https://huggingface.co/docs/inference-providers/tasks/chat-completion
  {
    name: 'huggingface',
    baseUrl: 'https://router.huggingface.co/v1',
    // The first is set to download models with.
    env: ['HF_TOKEN', 'HUGGINGFACE_API_KEY'],
    onlyWhenNamed: true,
    chat: { fields: { verbosity: null } },
  },
  // https://docs.github.com/rest/models/inference: its list of models is at another address.
  {
    name: 'github',
    baseUrl: 'https://models.github.ai/inference',
    // Set for git, gh and every workflow.
    env: ['GITHUB_TOKEN'],
    onlyWhenNamed: true,
    chat: { fields: { verbosity: null } },
    embeddings: true,
    list: false,
  },
  // https://docs.ollama.com/api/openai-compatibility
  {
    name: 'ollama',
    baseUrl: 'http://127.0.0.1:11434/v1',
    env: [],
    chat: {
      reasoning: 'reasoning',
      fields: { n: null, logit_bias: null, parallel_tool_calls: null, verbosity: null },
    },
    completions: true,
    embeddings: true,
  },
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
  {
    name: 'vllm',
    baseUrl: 'http://127.0.0.1:8000/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: { ...vllmSampling, ...templateVariables, verbosity: null },
    },
    completions: true,
    embeddings: true,
    passed: ['openai-embeddings', 'openai-transcriptions', 'openai-translations'],
  },
  // https://docs.sglang.ai/basic_usage/openai_api_completions.html
  {
    name: 'sglang',
    baseUrl: 'http://127.0.0.1:30000/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: { ...vllmSampling, ...templateVariables, verbosity: null },
    },
    completions: true,
    embeddings: true,
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
  },
  // https://lmstudio.ai/docs/developer/openai-compat/chat-completions
  {
    name: 'lmstudio',
    baseUrl: 'http://127.0.0.1:1234/v1',
    env: [],
    chat: {
      reasoning: 'reasoning_content',
      fields: { n: null, top_k: 'top_k', repeat_penalty: 'repeat_penalty', verbosity: null },
    },
    completions: true,
    embeddings: true,
  },
  // https://huggingface.co/docs/text-generation-inference/reference/api_reference
  {
    name: 'tgi',
    baseUrl: 'http://127.0.0.1:8080/v1',
    env: [],
    chat: { fields: { n: null, logit_bias: null, parallel_tool_calls: null, reasoning_effort: null, verbosity: null } },
    completions: true,
  },
  // https://localai.io/features/text-generation/
  {
    name: 'localai',
    baseUrl: 'http://127.0.0.1:8080/v1',
    env: [],
    chat: { fields: { top_k: 'top_k', repeat_penalty: 'repeat_penalty', grammar: 'grammar', verbosity: null } },
    completions: true,
    embeddings: true,
    // https://localai.io/features/
    passed: ['openai-images', 'openai-speech', 'openai-transcriptions'],
  },
]
