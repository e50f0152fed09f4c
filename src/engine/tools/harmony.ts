// https://github.com/openai/harmony/blob/main/docs/format.md
import type { AnswerReader, Reading } from './answer-reader.ts'
import type { ToolFormat } from './tool-format.ts'

const start = '<|start|>'
const channelMarker = '<|channel|>'
const ends = ['<|end|>', '<|call|>', '<|return|>', start]
const analysis = { open: '<|channel|>analysis<|message|>', close: '<|end|><|start|>assistant' }

/**
 * Every message names its channel: `analysis` is reasoning, `final` is the answer, and `commentary` is a call where it
 * is addressed to a function, `<|channel|>commentary to=functions.get_time <|constrain|>json<|message|>{…}`.
 */
export const harmony: ToolFormat = {
  name: 'harmony',
  sign: /<\|channel\|>/,
  marker: '<|channel|>commentary to=',
  syntax: {
    open: '',
    close: '',
    before: (name) => `<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>`,
    after: '',
  },
  channels: { reasoning: analysis, answer: '<|channel|>final<|message|>' },
  *parse(reader, tools) {
    for (let first = true; ; first = false) {
      if (yield* reader.attempt(message(reader, tools, first))) continue
      // No header, or one of a call that no tool is for: text, up to where the next message may begin.
      let text = ''
      const marker = yield* reader.until([start, channelMarker], (piece) => {
        text += piece
        reader.prose('text', piece)
      })
      if (marker === undefined) return
      if (text === '') reader.prose('text', marker)
      else reader.skip(-marker.length)
    }
  },
}

function* message(reader: AnswerReader, tools: ReadonlySet<string>, first: boolean): Reading<boolean> {
  const begun = (yield* reader.accept(start)) && (yield* reader.accept('assistant'))
  const addressed = (begun || first) && (yield* reader.startsWith(' to='))
  if (!addressed && !(yield* reader.startsWith(channelMarker))) return false
  let header = ''
  const end = yield* reader.until(['<|message|>', ...ends], (text) => (header += text))
  if (end !== '<|message|>') return false
  const channel = /<\|channel\|>\s*(\w+)/.exec(header)?.[1]
  const recipient = /\bto=(?:functions\.)?([\w.-]+)/.exec(header)?.[1]
  if (recipient === undefined || channel === 'analysis') {
    reader.settle()
    yield* body(reader, (text) => reader.prose(channel === 'analysis' ? 'reasoning' : 'text', text))
    return true
  }
  if (!tools.has(recipient)) return false
  let empty = true
  reader.startCall(recipient)
  yield* body(reader, (text) => {
    empty &&= text === ''
    reader.callArguments(text)
  })
  if (empty) reader.callArguments('{}')
  reader.endCall()
  return true
}

function* body(reader: AnswerReader, pass: (text: string) => void): Reading<void> {
  const end = yield* reader.until(ends, pass)
  if (end === start) reader.skip(-start.length)
}
