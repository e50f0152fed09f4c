import type { AskModel } from '../gateway/prompt/summary.ts'
import type { Pipeline } from '../gateway/pipeline.ts'
import { newRequestId } from './request-id.ts'

/** Asks a model on behalf of a caller, as if it had asked itself: with its limits, and with a row in the ledger. */
export function askWithin(pipeline: () => Pipeline): AskModel {
  return async (request, { caller, signal }) => {
    let text = ''
    const reader = {
      begin: () => {},
      take: () => undefined,
      takeEvents: (events: Parameters<Parameters<Pipeline['answer']>[2]['takeEvents']>[0]) => {
        for (const event of events) if (event.type === 'text-delta' && event.choiceIndex === 0) text += event.text
        return undefined
      },
    }
    const { model } = request
    const question = { model, wire: 'within', understood: () => request }
    const about = { id: newRequestId(), dialect: 'within', stream: false, receivedAt: performance.now(), signal }
    const cost = await pipeline().answer(question, { ...about, ...(caller && { caller }) }, reader)
    return { text, cost: cost === 'kept' ? 0 : cost }
  }
}
