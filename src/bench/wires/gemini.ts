import { countOf, errorName, objectOf, objectsOf, textOf, type EventSays, type Wire } from './wire.ts'

const roles = { user: 'user', assistant: 'model' } as const

/** https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent */
export const gemini: Wire = {
  name: 'gemini',
  path: (model, stream) =>
    `/v1beta/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  keyHeader: (key) => ({ 'x-goog-api-key': key }),
  headers: {},
  keepWriting: [],
  modelsPath: '/v1beta/models',
  modelNames: (listed) =>
    objectsOf(listed['models'])
      .map(({ name }) => textOf(name).replace(/^models\//, ''))
      .filter((name) => name !== ''),
  body: ({ messages, maxTokens }) => {
    const system = messages.filter(({ role }) => role === 'system').map(({ content }) => ({ text: content }))
    return {
      ...(system.length > 0 && { systemInstruction: { parts: system } }),
      contents: messages.flatMap(({ role, content }) =>
        role === 'system' ? [] : [{ role: roles[role], parts: [{ text: content }] }],
      ),
      generationConfig: { maxOutputTokens: maxTokens },
    }
  },
  read,
  // Each piece of a stream has the form of a whole answer.
  readWhole: read,
}

function read(event: Record<string, unknown>): EventSays {
  if (event['error'] !== undefined) return { error: errorName(event['error']) }
  const [candidate] = objectsOf(event['candidates'])
  const parts = objectsOf(objectOf(candidate?.['content'])?.['parts'])
  const usage = objectOf(event['usageMetadata'])
  return {
    text: parts.map(({ text, functionCall }) => textOf(text) || (functionCall ? 'call' : '')).join(''),
    ...(typeof candidate?.['finishReason'] === 'string' && { isEnd: true }),
    ...(usage && {
      usage: {
        promptTokens: countOf(usage['promptTokenCount']),
        cachedTokens: countOf(usage['cachedContentTokenCount']),
        outputTokens: sum(countOf(usage['candidatesTokenCount']), countOf(usage['thoughtsTokenCount'])),
      },
    }),
  }
}

/** Thoughts are counted beside the answer. */
function sum(answer: number | undefined, thoughts: number | undefined): number | undefined {
  return answer === undefined && thoughts === undefined ? undefined : (answer ?? 0) + (thoughts ?? 0)
}
