/** Words in the names of models that make vectors, sounds, images or verdicts instead of answers. */
const others =
  /(^|[^a-z])(embed|embedding|embeddings|rerank|reranker|whisper|tts|transcribe|speech|audio|realtime|dall-e|image|images|imagen|sora|veo|moderation|guard|ocr|bge|e5|clip)([^a-z]|$)/i

/** Whether a model writes answers, as far as its name tells. */
export function answersQuestions(model: string): boolean {
  return !others.test(model)
}

/** The share of right answers in the evaluation that each built-in model's card shows, all tasks together. */
const measured: Readonly<Record<string, number>> = {
  'loom-mini': 0.2,
}

/** From 0 to 1; undefined where nobody measured it. */
export function measuredQuality(model: string): number | undefined {
  return measured[model]
}
