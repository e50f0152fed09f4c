import { templateVariables, vllmSampling, type Preset } from './preset.ts'

/** Services that are asked with a key. */
export const servicePresets: readonly Preset[] = [
  // https://console.groq.com/docs/openai and …/api-reference: no log probabilities, one choice. As its own client has it:
  // https://github.com/groq/groq-python/blob/main/src/groq/types/chat/completion_create_params.py
  {
    name: 'groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    env: ['GROQ_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      reasoning: 'reasoning',
      fields: { n: null, logprobs: null, top_logprobs: null, logit_bias: null, verbosity: null },
      tells: ['user'],
    },
    // https://console.groq.com/docs/speech-to-text and …/text-to-speech
    passed: ['openai-speech', 'openai-transcriptions', 'openai-translations'],
  },
  // https://docs.together.ai/reference/chat-completions-1: `logprobs` is a number there, and answers have a form of their own;
  // https://github.com/togethercomputer/together-py/blob/main/src/together/types/chat/completion_create_params.py
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
  // https://docs.fireworks.ai/api-reference/post-chatcompletions and
  // https://github.com/fw-ai-external/python-sdk/blob/main/src/fireworks/types/chat/completion_create_params.py
  {
    name: 'fireworks',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    env: ['FIREWORKS_API_KEY'],
    chat: { reasoning: 'reasoning_content', fields: { ...vllmSampling, verbosity: null }, tells: ['metadata'] },
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
      // Its models think unless told otherwise, and then take penalties without a word and without an effect.
      fields: {
        n: null,
        seed: null,
        presence_penalty: null,
        frequency_penalty: null,
        logit_bias: null,
        parallel_tool_calls: null,
        verbosity: null,
      },
    },
  },
  // https://docs.x.ai/docs/api-reference#chat-completions; from grok-4.20 on log probabilities are ignored there.
  {
    name: 'xai',
    baseUrl: 'https://api.x.ai/v1',
    env: ['XAI_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      fields: { logit_bias: null, verbosity: null },
      tells: ['user', 'prompt_cache_key'],
    },
    // https://docs.x.ai/docs/guides/image-generations
    passed: ['openai-images'],
  },
  // https://openrouter.ai/docs/api-reference/parameters and
  // https://github.com/OpenRouterTeam/typescript-sdk/blob/main/src/models/chatgenerationparams.ts
  {
    name: 'openrouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    env: ['OPENROUTER_API_KEY'],
    chat: {
      reasoning: 'reasoning',
      reasoningDetails: true,
      cacheMarks: true,
      // https://openrouter.ai/docs/use-cases/reasoning-tokens#controlling-reasoning-tokens
      fields: { ...vllmSampling, n: null, reasoning_tokens: 'reasoning.max_tokens' },
      tells: ['user', 'metadata'],
    },
    completions: true,
  },
  // https://docs.perplexity.ai/api-reference/chat-completions-post and
  // https://github.com/perplexityai/perplexity-py/blob/main/src/perplexity/types/chat/completion_create_params.py, where more
  // is named that the documentation does not promise.
  {
    name: 'perplexity',
    baseUrl: 'https://api.perplexity.ai',
    env: ['PERPLEXITY_API_KEY'],
    chat: {
      streamOptions: false,
      fields: {
        top_k: 'top_k',
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
  // https://inference-docs.cerebras.ai/resources/openai and …/api-reference/chat-completions
  {
    name: 'cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    env: ['CEREBRAS_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      reasoning: 'reasoning',
      fields: { n: null, frequency_penalty: null, presence_penalty: null, logit_bias: null, verbosity: null },
    },
    // https://inference-docs.cerebras.ai/api-reference/completions
    completions: true,
  },
  // https://platform.kimi.ai/docs/api/chat, where `max_tokens` is the older name; what a model does not take it refuses
  // itself: https://platform.kimi.ai/docs/api/models-overview
  {
    name: 'moonshot',
    baseUrl: 'https://api.moonshot.ai/v1',
    env: ['MOONSHOT_API_KEY'],
    chat: {
      maxTokens: 'max_completion_tokens',
      reasoning: 'reasoning_content',
      fields: { seed: null, logit_bias: null, logprobs: null, top_logprobs: null, verbosity: null },
      tells: ['prompt_cache_key', 'safety_identifier'],
    },
  },
  // https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope (addresses) and
  // https://docs.qwencloud.com/api-reference/chat/openai-chat; Singapore's is the usual one outside of China.
  {
    name: 'alibaba',
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    env: ['DASHSCOPE_API_KEY'],
    chat: {
      reasoning: 'reasoning_content',
      fields: {
        top_k: 'top_k',
        repeat_penalty: 'repetition_penalty',
        reasoning_tokens: 'thinking_budget',
        frequency_penalty: null,
        logit_bias: null,
        verbosity: null,
      },
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
  // https://docs.github.com/rest/models/inference, as it was documented last: its list of models is at another address, and
  // a tool cannot be named in `tool_choice`. GitHub ended the service on 2026-07-30; what answers at this address since is
  // an error, which is passed on.
  {
    name: 'github',
    baseUrl: 'https://models.github.ai/inference',
    // Set for git, gh and every workflow.
    env: ['GITHUB_TOKEN'],
    onlyWhenNamed: true,
    chat: {
      fields: {
        n: null,
        logit_bias: null,
        logprobs: null,
        top_logprobs: null,
        parallel_tool_calls: null,
        reasoning_effort: null,
        verbosity: null,
      },
    },
    embeddings: true,
    list: false,
  },
]
