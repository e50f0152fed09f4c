/** What vectors are for: some models make others for each. */
export type EmbedPurpose =
  | 'query'
  | 'document'
  | 'similarity'
  | 'classification'
  | 'clustering'
  | 'question'
  | 'fact-check'
  | 'code-query'

/** A request to turn texts into vectors, whatever wire it came in by. */
export interface EmbedRequest {
  readonly model: string
  /** Texts, or token ids of this model. */
  readonly inputs: readonly (string | readonly number[])[]
  /** Length of the vectors; absent means the model's own. */
  readonly dimensions?: number
  /** Absent leaves it to the provider. */
  readonly purpose?: EmbedPurpose
}

export interface EmbedResult {
  /** One vector of length 1 (L2) for each input, in their order. */
  readonly embeddings: readonly Float32Array[]
  readonly inputTokens: number
  /** In US dollars, as `Usage` has it. */
  readonly cost?: number | 'unknown'
}

/** A request to order documents by how well they answer a query. */
export interface RerankRequest {
  readonly model: string
  readonly query: string
  readonly documents: readonly string[]
  /** How many of the best to report; absent means all. */
  readonly topN?: number
  /** Tokens after which each document is cut; absent means that none is. */
  readonly documentTokens?: number
}

interface RankedDocument {
  /** Of the document in the request. */
  readonly index: number
  /** From 0 to 1; comparable within one model only. */
  readonly score: number
}

export interface RerankResult {
  /** Best first. */
  readonly ranking: readonly RankedDocument[]
  readonly inputTokens: number
  /** In US dollars, as `Usage` has it. */
  readonly cost?: number | 'unknown'
}
