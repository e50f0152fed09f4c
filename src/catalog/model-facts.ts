/** Words in the names of models that make vectors, sounds, images or verdicts instead of answers. */
const others =
  /(^|[^a-z])(embed|embedding|embeddings|minilm|gte|mxbai|colbert|rerank|reranker|whisper|tts|transcribe|speech|audio|realtime|dall-e|image|images|imagen|sora|veo|moderation|guard|ocr|bge|e5|clip)([^a-z]|$)/i

/** Whether a model writes answers, as far as its name tells. */
export function answersQuestions(model: string): boolean {
  return !others.test(model)
}

/** What they are asked is a small part of what others can do: right there counts less than dear elsewhere. */
const narrow = 0.3
/** By the share of right answers in the evaluation that each built-in model's card shows, all tasks together. */
const measured: Readonly<Record<string, number>> = {
  'loom-mini': narrow * 0.66,
  'loom-nano': narrow * 0.78,
}

/** From 0 to 1; undefined where nobody measured it. */
export function measuredQuality(model: string): number | undefined {
  return measured[model]
}

/** A guess reaches from here to there for those whom providers charge for; of what costs more, it is the same. */
const charged = { least: 0.35, most: 0.8, usdPerMillion: 15 }
/** Parameters of which none is expected to answer well, and by how much a model ten times as large is better. */
const leastParameters = 1e8
const perTenfold = 0.2

/**
 * From 0 to 1, where nobody measured it: dearer and larger models are more often the better ones. Of two that cost a lot
 * the dearer one is not better, or whoever asks for the best would be given the dearest there is.
 */
export function guessedQuality(usdPerMillionOutput: number | undefined, parameters: number | undefined): number {
  if (usdPerMillionOutput !== undefined && usdPerMillionOutput > 0) {
    const share = Math.min(1, usdPerMillionOutput / charged.usdPerMillion)
    return charged.least + share * (charged.most - charged.least)
  }
  if (parameters === undefined || parameters < leastParameters) return 0
  return Math.min(charged.most, perTenfold * Math.log10(parameters / leastParameters))
}
