// https://ai.google.dev/api/generate-content#request-body
import type { GenerateRequest, Tool } from '../../canonical/request.ts'
import { geminiContents, type Json } from './gemini-contents.ts'
import { thinkingConfig } from './gemini-thinking.ts'
import { refuseUnsupported, widelyKnown, type Field } from './unsupported.ts'
import type { WireRequest } from './wire.ts'

const can: ReadonlySet<Field> = new Set<Field>([
  ...widelyKnown,
  'n',
  'logprobs',
  'top_logprobs',
  'reasoning_effort',
  'reasoning_tokens',
])

export function geminiRequest(
  request: GenerateRequest,
  { provider, stream }: { readonly provider: string; readonly stream: boolean },
): WireRequest {
  refuseUnsupported(request, provider, can)
  const { input, model, tools = [], serviceTier } = request
  const messages = input.kind === 'chat' ? input.messages : []
  const { system, contents } = geminiContents(messages, { provider, model })
  const body = {
    contents,
    ...(system.length > 0 && { systemInstruction: { parts: system } }),
    ...(tools.length > 0 && { tools: [{ functionDeclarations: tools.map(declaration) }] }),
    ...filled('toolConfig', toolConfig(request)),
    ...filled('generationConfig', generationConfig(request, provider)),
    // https://ai.google.dev/gemini-api/docs/optimization: `standard` is what happens anyway.
    ...(serviceTier !== undefined && serviceTier !== 'default' && { serviceTier }),
  }
  return { path: streamPath(model, stream), body: JSON.stringify(body) }
}

export function streamPath(model: string, stream: boolean): string {
  return stream ? geminiPath(model, 'streamGenerateContent?alt=sse') : geminiPath(model, 'generateContent')
}

/** Models are also known by the names of their resources, `models/…` and `tunedModels/…`. */
export function geminiPath(model: string, method: string): string {
  const [, collection = 'models', name = model] = /^(models|tunedModels)\/(.+)$/s.exec(model) ?? []
  return `/${collection}/${encodeURIComponent(name)}:${method}`
}

function filled(name: string, value: Json): Json {
  return Object.keys(value).length > 0 ? { [name]: value } : {}
}

function declaration({ name, description, parameters }: Tool): Json {
  return {
    name,
    ...(description !== undefined && { description }),
    ...(typeof parameters === 'object' && { parametersJsonSchema: parameters }),
  }
}

/** https://ai.google.dev/api/caching#FunctionCallingConfig */
function toolConfig({ tools = [], toolChoice }: GenerateRequest): Json {
  if (tools.length === 0) return {}
  const mode = (mode: string, names: object = {}) => ({ functionCallingConfig: { mode, ...names } })
  if (typeof toolChoice === 'object') return mode('ANY', { allowedFunctionNames: [toolChoice.name] })
  if (toolChoice === 'none') return mode('NONE')
  if (toolChoice === 'required') return mode('ANY')
  // Holds arguments to their schemas where the model is free to call.
  if (tools.some(({ strict }) => strict === true)) return mode('VALIDATED')
  return toolChoice === 'auto' ? mode('AUTO') : {}
}

/** https://ai.google.dev/api/generate-content#generationconfig */
function generationConfig(request: GenerateRequest, provider: string): Json {
  const { n, stop, maxOutputTokens, topLogprobs, sampling } = request
  const { topK, seed } = sampling
  const given = {
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: topK === 0 ? undefined : topK,
    presencePenalty: sampling.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty,
    // It is a signed number of 32 bits there.
    seed: seed === undefined ? undefined : seed | 0,
    maxOutputTokens,
    candidateCount: n > 1 ? n : undefined,
    stopSequences: stop.length > 0 ? stop : undefined,
    responseLogprobs: topLogprobs === undefined ? undefined : true,
    logprobs: topLogprobs || undefined,
    mediaResolution: mediaResolution(request),
    ...answerForm(request),
  }
  const config = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...config, ...filled('thinkingConfig', thinkingConfig(request, provider)) }
}

function answerForm({ responseFormat: format }: GenerateRequest): Json {
  if (format === undefined || format.type === 'text') return {}
  const json = { responseMimeType: 'application/json' }
  // https://ai.google.dev/gemini-api/docs/structured-output
  return format.type === 'json' || format.schema === true ? json : { ...json, responseJsonSchema: format.schema }
}

/** There is one for all images, so only what they agree on can be said. */
function mediaResolution({ input }: GenerateRequest): string | undefined {
  const contents = input.kind === 'chat' ? input.messages.map(({ content }) => content) : []
  const parts = contents.flatMap((content) => (typeof content === 'string' ? [] : content))
  const details = new Set(parts.flatMap((part) => (part.type === 'image' ? (part.detail ?? 'auto') : [])))
  const [detail] = details
  if (details.size !== 1 || detail === undefined || detail === 'auto') return undefined
  return detail === 'low' ? 'MEDIA_RESOLUTION_LOW' : 'MEDIA_RESOLUTION_HIGH'
}
