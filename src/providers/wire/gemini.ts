// https://ai.google.dev/api/generate-content
import { geminiRefusal } from './gemini-refusal.ts'
import { GeminiAnswer } from './gemini-answer.ts'
import { wire } from './gemini-contents.ts'
import { watchGemini } from './gemini-relay.ts'
import { geminiRequest, streamPath } from './gemini-request.ts'
import { geminiResponse } from './gemini-response.ts'
import { checked, checkedJson } from './read-json.ts'
import type { GenerateWire } from './wire.ts'

/** Google's own wire, as the Gemini API and Vertex AI speak it. */
export const gemini: GenerateWire = {
  name: wire,
  framing: 'server-sent-events',
  request: geminiRequest,
  whole(body) {
    const answer = new GeminiAnswer()
    return [...answer.add(checked(geminiResponse, body)), ...answer.end()]
  },
  reader() {
    const answer = new GeminiAnswer()
    return {
      read: ({ data }) => answer.add(checkedJson(geminiResponse, data)),
      end: () => answer.end(),
    }
  },
  refusal: geminiRefusal,
  relay: {
    request: ({ model, body, stream, headers }) => ({ path: streamPath(model, stream), body, headers }),
    watch: watchGemini,
  },
}
