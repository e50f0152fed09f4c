/** Tokens of one request, in the AI SDK's shape: totals first, then what they are made of. */
export interface Usage {
  readonly inputTokens: { readonly total: number; readonly cacheRead: number }
  readonly outputTokens: { readonly total: number; readonly reasoning: number }
}
