import koffi from 'koffi'
import { join } from 'node:path'
import type { Pointer } from '../src/engine/binding/abi.ts'
import { loadLibrary } from '../src/engine/binding/library.ts'

/** llama.cpp's own grammar engine over the vocabulary of the built-in model, without its weights. */
const { llama } = loadLibrary(() => {})
const model = llama.modelLoad(join(import.meta.dirname, '../models/loom-mini.gguf'), {
  ...llama.modelDefaultParams(),
  vocab_only: true,
})
if (!model) throw new Error('the vocabulary of the built-in model does not load')
const vocab = llama.modelVocab(model)
const vocabulary = llama.vocabSize(vocab)
const end = llama.vocabEos(vocab)
const pieces = Array.from({ length: vocabulary }, (_, token) => {
  const piece = new Uint8Array(64)
  return piece.slice(0, Math.max(0, llama.tokenToPiece(vocab, token, piece, piece.length, 0, false)))
})

// struct llama_token_data { int32 id; float logit; float p } and llama_token_data_array { data, size, selected, sorted }
const memory = new ArrayBuffer(vocabulary * 12)
const ids = new Int32Array(memory)
const logits = new Float32Array(memory)
const head = new BigInt64Array(new ArrayBuffer(32))
const headBytes = new Uint8Array(head.buffer)
head[0] = koffi.address(ids)

function allowed(sampler: Pointer, tokens: readonly number[]): number[] {
  for (const [index, token] of tokens.entries()) {
    ids[index * 3] = token
    logits[index * 3 + 1] = 0
  }
  head[1] = BigInt(tokens.length)
  head[2] = -1n
  head[3] = 0n
  llama.samplerApply(sampler, headBytes)
  return tokens.filter((_, index) => logits[index * 3 + 1] !== -Infinity)
}

function withGrammar<T>(grammar: string, use: (sampler: Pointer) => T): T {
  const sampler = llama.samplerGrammar(vocab, grammar, 'root')
  if (!sampler) throw new Error(`llama.cpp does not take the grammar:\n${grammar}`)
  try {
    return use(sampler)
  } finally {
    llama.samplerFree(sampler)
  }
}

export function parses(grammar: string): boolean {
  const sampler = llama.samplerGrammar(vocab, grammar, 'root')
  if (sampler) llama.samplerFree(sampler)
  return sampler !== null
}

/** Whether each of the texts, as a whole, fits the grammar. */
export function matches(grammar: string, text: string): boolean {
  const bytes = new TextEncoder().encode(text)
  const room = new Int32Array(bytes.length + 8)
  const count = llama.tokenize(vocab, bytes, bytes.length, room, room.length, false, false)
  if (count < 0) throw new Error('the text does not tokenize')
  return withGrammar(grammar, (sampler) => {
    for (const token of room.subarray(0, count)) {
      if (allowed(sampler, [token]).length === 0) return false
      llama.samplerAccept(sampler, token)
    }
    return allowed(sampler, [end]).length > 0
  })
}

const everyToken = Array.from({ length: vocabulary }, (_, token) => token)

/** What a model without any sense would write: random tokens that the grammar lets through; undefined if too long. */
export function wander(grammar: string, random: () => number, mostTokens: number): string | undefined {
  return withGrammar(grammar, (sampler) => {
    const parts: Uint8Array[] = []
    for (let step = 0; step < mostTokens; step++) {
      const choices = allowed(sampler, everyToken)
      if (choices.length === 0) throw new Error(`the grammar leads nowhere after ${Buffer.concat(parts).toString()}`)
      // Texts shall come to an end, so closing is preferred every so often where it is possible.
      const closing = choices.filter(
        (token) => token === end || /^["}\]]/.test(Buffer.from(pieces[token] ?? []).toString()),
      )
      const from = closing.length > 0 && random() < 0.3 ? closing : choices
      const token = from[Math.floor(random() * from.length)] ?? end
      if (token === end) return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
      parts.push(pieces[token] ?? new Uint8Array())
      llama.samplerAccept(sampler, token)
    }
    return undefined
  })
}
