import { randomInt } from 'node:crypto'
import { InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest, Sampling, ServiceTier } from '../canonical/request.ts'
import type { AnswerShape } from './answer-parser.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { Job } from './protocol.ts'
import { answerGrammar } from './tools/answer-grammar.ts'
import { checkGrammar } from './grammar/check.ts'

/** Everything a request needs of the worker, and how its answer is to be read. */
export interface AnswerPlan {
  readonly jobs: readonly Omit<Job, 'id'>[]
  /** Absent when the answer is text as it comes. */
  readonly shape?: AnswerShape
}

const priorities: Readonly<Record<ServiceTier, number>> = { priority: 0, default: 1, flex: 2 }

export function planAnswer(request: GenerateRequest, template: ChatTemplate, defaults: Sampling): AnswerPlan {
  const { input, grammar } = request
  refuseEndlessForm(request)
  if (input.kind === 'chat') return planChat(request, input.messages, template, defaults)
  if (grammar !== undefined) checkGrammar(grammar, 'grammar')
  const form = grammar === undefined ? {} : { grammar }
  return {
    jobs: input.prompts.map((prompt, index) => ({
      ...jobOf(request, defaults, index),
      ...form,
      prompt,
      addSpecial: true,
    })),
  }
}

/** A form that is complete allows nothing but the end. */
function refuseEndlessForm({
  ignoreEnd,
  grammar,
  responseFormat: format,
  tools = [],
  toolChoice,
}: GenerateRequest): void {
  if (ignoreEnd !== true) return
  const hasTools = tools.length > 0 && toolChoice !== 'none'
  const form = grammar !== undefined ? 'grammar' : hasTools ? 'tools' : 'response_format'
  if (form === 'response_format' && (format === undefined || format.type === 'text')) return
  const message = `ignore_eos keeps an answer from ending, and ${form} says how it ends. Remedy: send one of them.`
  throw new InferloomError('invalid_value', message, { param: 'ignore_eos' })
}

type Messages = Extract<GenerateRequest['input'], { kind: 'chat' }>['messages']

function planChat(
  request: GenerateRequest,
  messages: Messages,
  template: ChatTemplate,
  defaults: Sampling,
): AnswerPlan {
  const { text, addSpecial, reasoningBegun } = template.render(messages, request)
  const shape = shapeOf(request, template, reasoningBegun)
  const { toolFormat: format } = template
  const { reasoning } = shape
  const grammar = answerGrammar(request, { format, begun: reasoningBegun, ...(reasoning && { reasoning }) })
  const job = jobOf(request, defaults, 0)
  const ends = !shape.parallel && shape.tools.size > 0 && format.endOfCall !== undefined ? [format.endOfCall] : []
  const isRead = shape.format !== undefined || reasoning !== undefined
  return {
    jobs: [
      {
        ...job,
        prompt: text,
        addSpecial,
        stop: [...job.stop, ...ends],
        ...(grammar !== undefined && { grammar }),
        ...(isRead && { specialText: true }),
      },
    ],
    ...(isRead && { shape }),
  }
}

function shapeOf(request: GenerateRequest, template: ChatTemplate, reasoningBegun: boolean): AnswerShape {
  const { tools = [], toolChoice, parallelToolCalls = true, reasoningEffort: effort } = request
  const { toolFormat: format, reasoningTags } = template
  const callable = toolChoice === 'none' ? [] : tools
  const named = typeof toolChoice === 'object'
  const thinks = reasoningTags && (format.channels || reasoningBegun || effort !== 'none')
  return {
    tools: new Set(callable.map(({ name }) => name)),
    schemas: new Map(callable.map(({ name, parameters }) => [name, parameters])),
    parallel: parallelToolCalls && !named,
    reasoningBegun,
    ...((callable.length > 0 || format.channels) && { format }),
    ...(thinks && { reasoning: reasoningTags }),
  }
}

function jobOf(request: GenerateRequest, defaults: Sampling, index: number): Omit<Job, 'id' | 'prompt' | 'addSpecial'> {
  const { logitBias, seed = randomInt(2 ** 32 - 1), ...sampling } = { ...defaults, ...request.sampling }
  const { n, stop, maxOutputTokens, topLogprobs, serviceTier, deadlineMs, owner, ignoreEnd } = request
  return {
    n,
    stop,
    sampling: { ...sampling, logitBias: [...logitBias], seed: (seed + index * n) >>> 0 },
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(ignoreEnd === true && { ignoreEnd }),
    ...(topLogprobs !== undefined && { topLogprobs }),
    ...(serviceTier && { priority: priorities[serviceTier] }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(owner !== undefined && { owner }),
  }
}
