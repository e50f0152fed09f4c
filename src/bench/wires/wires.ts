import { InferloomError } from '../../canonical/errors.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { gemini } from './gemini.ts'
import { openaiChat, openaiCompletions } from './openai.ts'
import type { Wire } from './wire.ts'

const wires: readonly Wire[] = [openaiChat, openaiCompletions, anthropicMessages, gemini]

/** Throws `invalid_value` with the names there are. */
export function wireOf(name: string): Wire {
  const wire = wires.find((each) => each.name === name)
  if (wire) return wire
  const message = `--dialect = '${name.slice(0, 40)}' is not known. It is one of ${wires.map(({ name }) => name).join(', ')}.`
  throw new InferloomError('invalid_value', message, { param: '--dialect' })
}
