import { Template } from '@huggingface/jinja'
import { InferloomError } from '../canonical/errors.ts'
import type { Message } from '../canonical/request.ts'
import type { LoadedModelInfo } from './protocol.ts'
import { tokenBreak } from './tokenizer.ts'

interface RenderedPrompt {
  readonly text: string
  readonly addSpecial: boolean
}

/** Renders conversations as the model was trained to read them, by the Jinja template in its file. */
export class ChatTemplate {
  readonly #template: Template | undefined
  readonly #info: LoadedModelInfo
  readonly #controlTexts: RegExp | undefined

  constructor(info: LoadedModelInfo, file: string) {
    this.#info = info
    this.#controlTexts = matcherOf(info.controlTexts)
    if (info.chatTemplate === undefined) return
    try {
      this.#template = new Template(info.chatTemplate)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new InferloomError('model_unsupported', `The chat template in ${file} cannot be read: ${reason}.`, {
        cause,
      })
    }
  }

  render(messages: readonly Message[]): RenderedPrompt {
    if (!this.#template) {
      const message = 'This model has no chat template, so it cannot take messages. Remedy: use /v1/completions.'
      throw new InferloomError('invalid_value', message, { param: 'messages' })
    }
    const { bosText, eosText, addsBos } = this.#info
    try {
      const text = this.#template.render({
        messages: messages.map((message) => ({ ...message, content: this.#asPlainText(message.content) })),
        add_generation_prompt: true,
        bos_token: bosText,
        eos_token: eosText,
      })
      // Templates of models that need an opening token usually write it themselves.
      return { text, addSpecial: addsBos && !(bosText !== '' && text.startsWith(bosText)) }
    } catch (cause) {
      // Templates refuse what the model was not trained on, such as two messages of one role in a row.
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new InferloomError('invalid_value', `The model's chat template refused the messages: ${reason}.`, {
        param: 'messages',
        cause,
      })
    }
  }

  /** What a user writes stays text, also where it spells a control token such as `<|im_end|>`. */
  #asPlainText(content: string): string {
    const text = content.replaceAll(tokenBreak, '\u{FFFD}')
    if (!this.#controlTexts) return text
    return text.replace(this.#controlTexts, (control) => control.slice(0, 1) + tokenBreak + control.slice(1))
  }
}

function matcherOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined
  const longestFirst = [...texts].sort((a, b) => b.length - a.length)
  return new RegExp(longestFirst.map((text) => RegExp.escape(text)).join('|'), 'g')
}
