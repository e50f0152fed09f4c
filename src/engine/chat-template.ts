import { Template } from '@huggingface/jinja'
import { InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest, Message } from '../canonical/request.ts'
import { plainTextOf } from './control-texts.ts'
import type { LoadedModelInfo } from './protocol.ts'
import {
  habitsOf,
  templateMessages,
  templateTools,
  withToolsInWords,
  type TemplateHabits,
} from './template-messages.ts'
import { reasoningTagsOf, toolFormatOf } from './tools/formats.ts'
import type { ReasoningTags, ToolFormat } from './tools/tool-format.ts'

interface RenderedPrompt {
  readonly text: string
  readonly addSpecial: boolean
  /** Whether the prompt ends inside what the model thinks. */
  readonly reasoningBegun: boolean
}

/** What a request says beside its messages; a request to count or to show a prompt may say only part of it. */
type Asked = Pick<GenerateRequest, 'tools' | 'toolChoice' | 'reasoningEffort' | 'verbosity' | 'templateVariables'>

const alwaysGiven = ['messages', 'tools', 'add_generation_prompt', 'bos_token', 'eos_token']

/** Templates walk what they are given by recursion. */
const deepest = 200

/** Renders conversations as the model was trained to read them, by the Jinja template in its file. */
export class ChatTemplate {
  /** How the model writes tool calls, and what it thinks. */
  readonly toolFormat: ToolFormat
  readonly reasoningTags: ReasoningTags | undefined
  readonly #template: Template | undefined
  readonly #source: string
  readonly #info: LoadedModelInfo
  readonly #habits: TemplateHabits
  readonly #asPlainText: (text: string) => string

  constructor(info: LoadedModelInfo, file: string) {
    this.#info = info
    this.#source = info.chatTemplate ?? ''
    this.#asPlainText = plainTextOf(info.controlTexts)
    this.toolFormat = toolFormatOf(this.#source)
    this.reasoningTags = this.toolFormat.channels?.reasoning ?? reasoningTagsOf(this.#source)
    if (info.chatTemplate !== undefined) this.#template = readTemplate(info.chatTemplate, file)
    this.#habits = habitsOf(this.#source, (messages) => this.#template?.render(this.#variables({ messages })) ?? '')
  }

  render(messages: readonly Message[], asked: Asked = {}): RenderedPrompt {
    if (!this.#template) {
      const message = 'This model has no chat template, so it cannot take messages. Remedy: use /v1/completions.'
      throw new InferloomError('invalid_value', message, { param: 'messages' })
    }
    const tools = asked.toolChoice === 'none' ? [] : (asked.tools ?? [])
    const inWords = tools.length > 0 && !/\btools\b/.test(this.#source)
    const conversation = templateMessages(inWords ? withToolsInWords(messages, tools) : messages, this.#habits)
    const variables = this.#variables({
      ...this.#chosenVariables(asked),
      messages: conversation,
      ...(tools.length > 0 && { tools: templateTools(tools) }),
    })
    const { bosText, addsBos } = this.#info
    const text = renderTemplate(this.#template, variables)
    return {
      text,
      // Templates of models that need an opening token usually write it themselves.
      addSpecial: addsBos && !(bosText !== '' && text.startsWith(bosText)),
      reasoningBegun: this.reasoningTags !== undefined && text.trimEnd().endsWith(this.reasoningTags.open),
    }
  }

  #variables(given: Record<string, unknown>): Record<string, unknown> {
    const { bosText: bos_token, eosText: eos_token } = this.#info
    return { ...(this.#plain(given) as object), add_generation_prompt: true, bos_token, eos_token }
  }

  /** What users write stays text wherever it goes, be it in a message, a tool's description or a key of its schema. */
  #plain(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return this.#asPlainText(value)
    if (typeof value !== 'object' || value === null) return value
    if (depth > deepest) {
      const message = `The arguments of a tool call nest deeper than ${deepest} levels. Remedy: shorten them.`
      throw new InferloomError('invalid_value', message, { param: 'messages' })
    }
    if (Array.isArray(value)) return value.map((each) => this.#plain(each, depth + 1))
    const entries = Object.entries(value).map(([key, each]) => [this.#asPlainText(key), this.#plain(each, depth + 1)])
    return Object.fromEntries(entries)
  }

  #chosenVariables({ verbosity, ...asked }: Asked): Record<string, unknown> {
    const chosen = this.#thoughtVariables(asked)
    if (verbosity === undefined) return chosen
    if (/\bverbosity\b/.test(this.#source)) return { verbosity, ...chosen }
    // It is how every model answers that is asked for nothing.
    if (verbosity === 'medium') return chosen
    const message = `verbosity = ${verbosity} is nothing this model can choose. Remedy: say in the instructions how long the answer is to be.`
    throw new InferloomError('unsupported_parameter', message, { param: 'verbosity' })
  }

  #thoughtVariables({ reasoningEffort: effort, templateVariables = {} }: Asked): Record<string, unknown> {
    const taken = alwaysGiven.find((name) => Object.hasOwn(templateVariables, name))
    if (taken !== undefined) {
      const message = `chat_template_kwargs names ${taken}, which is always given. Remedy: leave it out.`
      throw new InferloomError('invalid_value', message, { param: `chat_template_kwargs.${taken}` })
    }
    if (effort === undefined) return templateVariables
    const thinks = effort !== 'none' && effort !== 'minimal'
    if (thinks && !/\b(?:reasoning_effort|enable_thinking|thinking)\b/.test(this.#source)) {
      const message = `reasoning_effort = ${effort} is nothing this model can choose. Remedy: leave it out.`
      throw new InferloomError('unsupported_parameter', message, { param: 'reasoning_effort' })
    }
    return {
      // Models that can only think or not know one of these: Qwen's name and DeepSeek's name for the same thing.
      enable_thinking: thinks,
      thinking: thinks,
      // https://github.com/openai/harmony/blob/main/docs/format.md knows low, medium and high.
      reasoning_effort: thinks ? (effort === 'xhigh' ? 'high' : effort) : 'low',
      ...templateVariables,
    }
  }
}

function readTemplate(source: string, file: string): Template {
  try {
    return new Template(source)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('model_unsupported', `The chat template in ${file} cannot be read: ${reason}.`, { cause })
  }
}

function renderTemplate(template: Template, variables: Record<string, unknown>): string {
  try {
    return template.render(variables)
  } catch (cause) {
    // Templates refuse what the model was not trained on, such as two messages of one role in a row.
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InferloomError('invalid_value', `The model's chat template refused the messages: ${reason}.`, {
      param: 'messages',
      cause,
    })
  }
}
