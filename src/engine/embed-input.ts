import { InferloomError } from '../canonical/errors.ts'
import type { LoadedModel } from './binding/model.ts'
import { plainTextOf } from './control-texts.ts'
import type { EmbedJob } from './protocol.ts'
import type { Tokenizer } from './tokenizer.ts'

const decoder = new TextDecoder()

/** Makes the tokens of what is to be embedded, as the model was trained to read it. */
export class EmbedInputs {
  readonly #model: LoadedModel
  readonly #tokenizer: Tokenizer
  readonly #longest: number
  readonly #pairTemplate: string | null
  #asPlainText: ((text: string) => string) | undefined

  /** `longest` is the most tokens that one input may have. */
  constructor(model: LoadedModel, tokenizer: Tokenizer, longest: number) {
    this.#model = model
    this.#tokenizer = tokenizer
    this.#longest = longest
    this.#pairTemplate = model.llama.modelTemplate(model.model, 'rerank')
  }

  /** Throws an error that names the input when it is too long, empty, or not tokens of this model. */
  tokens(job: EmbedJob, index: number): Int32Array {
    const input = job.inputs[index] ?? ''
    return this.#checked(
      typeof input === 'string' ? this.#text(this.#cut(job, input)) : this.#given(job, index, input),
      nameOf(job, index),
    )
  }

  query(query: string): Int32Array {
    return this.#checked(this.#text(query), 'query')
  }

  /** The query and one document together, for models that score them. */
  pair(job: EmbedJob, query: string, index: number): Int32Array {
    const document = this.#cut(job, String(job.inputs[index]))
    const tokens =
      this.#pairTemplate === null ? this.#joined(query, document) : this.#templated(this.#pairTemplate, query, document)
    return this.#checked(tokens, nameOf(job, index), ', with the query,')
  }

  #text(text: string): Int32Array {
    return this.#tokenizer.encodePlain(text, true)
  }

  #given(job: EmbedJob, index: number, tokens: readonly number[]): Int32Array {
    const { vocabulary } = this.#model
    const wrong = tokens.find((token) => token >= vocabulary)
    if (wrong === undefined) return Int32Array.from(tokens)
    const param = nameOf(job, index)
    const message = `${param} holds token ${wrong}; this model's tokens are 0 to ${vocabulary - 1}.`
    throw new InferloomError('invalid_value', message, { param })
  }

  #checked(tokens: Int32Array, param: string, how = ''): Int32Array {
    if (tokens.length === 0) {
      throw new InferloomError('invalid_value', `${param} is empty: it has no tokens.`, { param })
    }
    if (tokens.length <= this.#longest) return tokens
    throw new InferloomError(
      'context_length_exceeded',
      `${param}${how} has ${tokens.length} tokens; this model takes ${this.#longest} at once. ` +
        `Remedy: split ${param} into shorter ones.`,
      { param },
    )
  }

  /** Shortens a document as far as the request allows it. */
  #cut({ inputTokens }: EmbedJob, text: string): string {
    if (inputTokens === undefined) return text
    const tokens = this.#tokenizer.encodePlain(text, false)
    if (tokens.length <= inputTokens) return text
    const bytes = [...tokens.subarray(0, inputTokens)].map((token) => this.#tokenizer.bytes(token))
    // A cut inside a character leaves bytes that are none.
    return decoder.decode(Buffer.concat(bytes)).replace(/\u{FFFD}+$/u, '')
  }

  /**
   * `[CLS] query [SEP] document [SEP]`, or with the marks that the tokenizer uses in their place. llama-server leaves
   * the last one out where the tokenizer's file names no closing mark; cross-encoders were trained with it:
   * https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertTokenizer
   */
  #joined(query: string, document: string): Int32Array {
    const { llama, vocab } = this.#model
    const sep = llama.vocabAddsSep(vocab) ? [llama.vocabSep(vocab)] : []
    const eos = llama.vocabAddsEos(vocab) ? [llama.vocabEos(vocab)] : []
    return Int32Array.from(
      [
        ...(llama.vocabAddsBos(vocab) ? [llama.vocabBos(vocab)] : []),
        ...this.#tokenizer.encodePlain(query, false),
        ...eos,
        ...sep,
        ...this.#tokenizer.encodePlain(document, false),
        ...(eos.length > 0 ? eos : sep),
      ].filter((token) => token >= 0),
    )
  }

  #templated(template: string, query: string, document: string): Int32Array {
    const plain = (this.#asPlainText ??= plainTextOf(this.#tokenizer.controlTexts()))
    const values: Record<string, string> = { '{query}': plain(query), '{document}': plain(document) }
    return this.#tokenizer.encode(
      template.replace(/\{query\}|\{document\}/g, (name) => values[name] ?? ''),
      false,
    )
  }
}

function nameOf({ inputs, query }: EmbedJob, index: number): string {
  if (query !== undefined) return `documents[${index}]`
  return inputs.length === 1 ? 'input' : `input[${index}]`
}
