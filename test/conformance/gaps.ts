// What does not cross: of a request on its way from a dialect or to a provider's wire, of an answer on its way back. The
// tests beside this file hold each line to be true, no more and no less, and docs/compatibility.md is written from it.

/** `refused`: an error names the field. `lost`: left out without an error. `none`: the wire has no word for it. */
type Outcome = 'refused' | 'lost' | 'none'

export interface Gap {
  /** Names of dialects, or of wires of providers. */
  readonly on: readonly string[]
  readonly what: readonly string[]
  readonly outcome: Outcome
  /** For people; absent where there is nothing to say but that it is not there. */
  readonly why?: string
}

/** Of requests, beside what a dialect has no field for. */
export const requestGapsOfDialects: readonly Gap[] = [
  {
    on: ['gemini'],
    what: ['image-detail'],
    outcome: 'refused',
    why: '`mediaResolution` is one for all images, which other wires cannot say',
  },
  {
    on: ['openai-completions'],
    what: ['end-user'],
    outcome: 'lost',
    why: 'it changes nothing about the answer',
  },
]

export const requestGapsOfWires: readonly Gap[] = [
  {
    on: ['openai-chat', 'openai-responses', 'cohere-chat', 'mistral-chat'],
    what: ['tool-failed'],
    outcome: 'lost',
    why: 'the result itself says what failed',
  },
  {
    on: ['openai-chat'],
    what: ['thoughts-back'],
    outcome: 'lost',
    why: 'OpenAI takes no thoughts back here; DeepSeek, Groq and servers such as vLLM are sent them',
  },
  {
    on: ['openai-responses', 'anthropic-messages', 'gemini', 'bedrock-converse', 'cohere-chat'],
    what: ['thoughts-back'],
    outcome: 'lost',
    why: 'thoughts go back only to the wire that sealed them, and others have no place for them',
  },
  {
    on: ['openai-chat', 'openai-responses', 'gemini', 'cohere-chat', 'mistral-chat'],
    what: ['cache-marks'],
    outcome: 'lost',
    why: 'these providers find by themselves what they have cached; OpenRouter is sent the marks',
  },
  {
    on: ['anthropic-messages', 'gemini', 'bedrock-converse', 'cohere-chat'],
    what: ['cache-key'],
    outcome: 'lost',
    why: 'a hint that changes nothing about the answer',
  },
  {
    on: ['gemini', 'bedrock-converse', 'cohere-chat', 'mistral-chat'],
    what: ['end-user'],
    outcome: 'lost',
    why: 'it changes nothing about the answer',
  },
  {
    on: ['openai-chat', 'anthropic-messages', 'gemini', 'cohere-chat'],
    what: ['metadata'],
    outcome: 'lost',
    why: 'it changes nothing about the answer',
  },
  {
    on: ['anthropic-messages', 'cohere-chat', 'mistral-chat'],
    what: ['tier'],
    outcome: 'lost',
    why: 'there is no cheaper tier than the usual one',
  },
  {
    on: ['anthropic-messages', 'bedrock-converse'],
    what: ['image-detail'],
    outcome: 'lost',
    why: 'a hint; images are always looked at closely',
  },
  {
    on: ['openai-chat'],
    what: ['tool-image'],
    outcome: 'refused',
    why: 'results of tools hold text alone here',
  },
  {
    on: ['openai-chat'],
    what: ['top-k', 'min-p', 'repeat-penalty', 'grammar', 'ignore-eos', 'template'],
    outcome: 'refused',
    why: 'OpenAI has none of these; servers such as vLLM, SGLang and llama.cpp are sent those that they know',
  },
  {
    on: ['openai-responses'],
    what: [
      'audio',
      'grammar',
      'ignore-eos',
      'n',
      'stop',
      'top-k',
      'min-p',
      'repeat-penalty',
      'penalties',
      'logit-bias',
      'seed',
      'template',
    ],
    outcome: 'refused',
    why: 'where OpenAI’s chat can say it, chat is asked instead',
  },
  {
    on: ['anthropic-messages'],
    what: [
      'audio',
      'json',
      'grammar',
      'ignore-eos',
      'n',
      'min-p',
      'repeat-penalty',
      'penalties',
      'logit-bias',
      'seed',
      'logprobs',
      'template',
    ],
    outcome: 'refused',
  },
  {
    on: ['anthropic-messages'],
    what: ['verbosity'],
    outcome: 'refused',
    why: 'older models have no such word; from Opus 4.5 on it is `output_config.effort`',
  },
  {
    on: ['gemini'],
    what: ['one-call', 'grammar', 'ignore-eos', 'min-p', 'repeat-penalty', 'logit-bias', 'verbosity', 'template'],
    outcome: 'refused',
  },
  {
    on: ['bedrock-converse'],
    what: [
      'image-url',
      'one-call',
      'json',
      'grammar',
      'ignore-eos',
      'n',
      'min-p',
      'repeat-penalty',
      'penalties',
      'logit-bias',
      'seed',
      'logprobs',
      'verbosity',
      'template',
    ],
    outcome: 'refused',
    why: 'what models of Claude, Nova and gpt-oss take beside Converse is sent to them; here it is Claude',
  },
  {
    on: ['cohere-chat'],
    what: [
      'file',
      'audio',
      'one-call',
      'grammar',
      'ignore-eos',
      'n',
      'min-p',
      'repeat-penalty',
      'logit-bias',
      'logprobs',
      'verbosity',
      'template',
    ],
    outcome: 'refused',
  },
  {
    on: ['mistral-chat'],
    what: [
      'grammar',
      'ignore-eos',
      'top-k',
      'min-p',
      'repeat-penalty',
      'logit-bias',
      'logprobs',
      'verbosity',
      'template',
    ],
    outcome: 'refused',
  },
]

export const answerGapsOfDialects: readonly Gap[] = [
  {
    on: ['anthropic-messages'],
    what: ['logprobs'],
    outcome: 'none',
    why: 'Messages has no log probabilities, so none are asked for either',
  },
  {
    on: ['gemini'],
    what: ['cache-write'],
    outcome: 'none',
    why: 'usage there says what was read from a cache, not what was written to one',
  },
  {
    on: ['openai-chat', 'openai-completions', 'anthropic-messages', 'gemini'],
    what: ['custom-calls'],
    outcome: 'none',
    why: 'tools that take free text can only be offered on the Responses API',
  },
  {
    on: ['openai-completions'],
    what: ['thoughts', 'seals', 'calls', 'call-pieces', 'sources'],
    outcome: 'none',
    why: 'the answer to a bare prompt is all text',
  },
  {
    on: ['gemini'],
    what: ['call-pieces'],
    outcome: 'none',
    why: 'arguments are an object there, so a call is written when it is complete',
  },
  {
    on: ['openai-chat', 'anthropic-messages'],
    what: ['sources'],
    outcome: 'lost',
    why: 'only those of the same wire, whose places in the text are known, are written',
  },
  {
    on: ['openai-chat', 'openai-completions', 'openai-responses'],
    what: ['model'],
    outcome: 'lost',
    why: 'the model is called as the client called it',
  },
]

export const answerGapsOfWires: readonly Gap[] = [
  {
    on: ['gemini'],
    what: ['call-ids'],
    outcome: 'none',
    why: 'most models give calls no ids; clients get one that is made here',
  },
  {
    on: ['gemini'],
    what: ['call-pieces'],
    outcome: 'none',
    why: 'arguments come as an object',
  },
  {
    on: ['openai-chat', 'cohere-chat'],
    what: ['seals'],
    outcome: 'none',
  },
  {
    on: ['anthropic-messages', 'bedrock-converse', 'cohere-chat'],
    what: ['logprobs'],
    outcome: 'none',
  },
  {
    on: ['gemini', 'cohere-chat'],
    what: ['cache-write'],
    outcome: 'none',
  },
  {
    on: ['bedrock-converse', 'cohere-chat'],
    what: ['thought-tokens'],
    outcome: 'none',
    why: 'thoughts are counted as output, and not told apart',
  },
  {
    on: ['bedrock-converse'],
    what: ['model'],
    outcome: 'none',
  },
  {
    on: ['cohere-chat'],
    what: ['model'],
    outcome: 'none',
  },
  {
    on: ['openai-completions'],
    what: ['thoughts', 'seals', 'calls', 'call-pieces', 'call-ids', 'sources'],
    outcome: 'none',
    why: 'the answer to a bare prompt is all text',
  },
]

export function gapIn(gaps: readonly Gap[], on: string, what: string): Gap | undefined {
  return gaps.find((gap) => gap.what.includes(what) && gap.on.includes(on))
}
