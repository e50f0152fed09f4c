// https://github.com/vercel/ai/blob/main/packages/provider/src/language-model/v4/language-model-v4-call-options.ts
import type { GenerateRequest, ResponseFormat, Tool, ToolChoice } from '../canonical/request.ts'
import { aiSdkPrompt } from './ai-sdk-prompt.ts'
import type { Spec } from './ai-sdk-spec.ts'
import { refuseUnsupported, unsupported, widelyKnown, type Field } from './wire/unsupported.ts'

type Fields = Readonly<Record<string, unknown>>

const withoutReasoning: ReadonlySet<Field> = new Set(widelyKnown)
const withReasoning: ReadonlySet<Field> = new Set([...widelyKnown, 'reasoning_effort'])

export interface CallTarget {
  readonly provider: string
  readonly spec: Spec
  readonly wire: string
}

/** The options of a call. Throws `unsupported_parameter` for what the specification has no word for. */
export function aiSdkOptions(request: GenerateRequest, target: CallTarget): Fields {
  const { spec, provider } = target
  refuseUnsupported(request, provider, spec.reasoning ? withReasoning : withoutReasoning)
  const { input, maxOutputTokens, stop, sampling, reasoningEffort } = request
  return {
    prompt: aiSdkPrompt(input.kind === 'chat' ? input.messages : [], target),
    ...given({
      maxOutputTokens,
      temperature: sampling.temperature,
      topP: sampling.topP,
      topK: sampling.topK || undefined,
      presencePenalty: sampling.presencePenalty || undefined,
      frequencyPenalty: sampling.frequencyPenalty || undefined,
      seed: sampling.seed,
      stopSequences: stop.length > 0 ? stop : undefined,
      reasoning: reasoningEffort,
      responseFormat: formatOf(request.responseFormat),
    }),
    ...toolOptions(request, target),
  }
}

/** Packages warn of settings that are there, whatever they say. */
function given(options: Fields): Fields {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function formatOf(format: ResponseFormat | undefined): Fields | undefined {
  if (format === undefined || format.type === 'text') return undefined
  return format.type === 'json' ? { type: 'json' } : { type: 'json', name: format.name, schema: format.schema }
}

function toolOptions({ tools = [], toolChoice }: GenerateRequest, { spec, provider }: CallTarget): Fields {
  if (tools.length === 0) return {}
  return {
    tools: tools.map((tool) => {
      if (tool.strict !== true || spec.strictTools) return toolOf(tool)
      throw unsupported(`strict of the tool '${tool.name}'`, provider)
    }),
    toolChoice: choiceOf(toolChoice ?? 'auto'),
  }
}

function toolOf({ name, description, parameters, strict }: Tool): Fields {
  return {
    type: 'function',
    name,
    ...(description !== undefined && { description }),
    inputSchema: typeof parameters === 'object' ? parameters : { type: 'object', properties: {} },
    ...(strict === true && { strict }),
  }
}

function choiceOf(choice: ToolChoice): Fields {
  return typeof choice === 'object' ? { type: 'tool', toolName: choice.name } : { type: choice }
}
