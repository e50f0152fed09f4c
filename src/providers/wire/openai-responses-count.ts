// https://developers.openai.com/api/reference/resources/responses/subresources/input_tokens/methods/count
import { z } from 'zod'
import type { GenerateRequest } from '../../canonical/request.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { responsesBody } from './openai-responses-request.ts'
import { checked } from './read-json.ts'
import type { CountWire } from './wire.ts'

const reply = z.object({ input_tokens: z.number().min(0) })

/** How long a prompt is for one of OpenAI's models, whichever wire it is asked on. */
export const openaiResponsesCount: CountWire = {
  request: (request, { provider }) => ({
    path: '/responses/input_tokens',
    body: JSON.stringify(countedBody(request, provider)),
  }),
  result: (body) => ({ tokens: checked(reply, body).input_tokens, exact: true }),
  refusal: openaiRefusal,
}

/** What the model reads, without how it is to answer: whether to keep the answer is no field here. */
function countedBody({ model, input, tools, responseFormat }: GenerateRequest, provider: string): object {
  const prompt = { model, input, n: 1, stop: [], sampling: {} }
  const { store: _, ...body } = responsesBody(
    { ...prompt, ...(tools && { tools }), ...(responseFormat && { responseFormat }) },
    { provider, stream: false },
  )
  return body
}
