/** What a dialect's requests are, in the words of OpenTelemetry's conventions where they have one. */
const operations: Readonly<Record<string, string>> = {
  'openai-completions': 'text_completion',
  'openai-embeddings': 'embeddings',
  'gemini-embeddings': 'embeddings',
  rerank: 'rerank',
  'openai-moderations': 'moderation',
  'openai-images': 'image_generation',
  'openai-image-edits': 'image_edit',
  'openai-speech': 'speech',
  'openai-transcriptions': 'transcription',
  'openai-translations': 'translation',
}

export function operationOf(dialect: string): string {
  return operations[dialect] ?? 'chat'
}
