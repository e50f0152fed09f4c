// https://platform.claude.com/docs/en/api/models/list
interface KnownModel {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly contextTokens?: number
}

/** Lists of models have one path for all wires; only Anthropic's clients send this header. */
export function speaksAnthropic(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined
}

/** All of them are one page. */
export function anthropicModels(models: readonly KnownModel[]) {
  const data = models.map(anthropicModel)
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

/** The last second that a date can be. */
const latest = 8.64e12

export function anthropicModel({ id, created, contextTokens }: KnownModel) {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(Math.min(created, latest) * 1000).toISOString(),
    ...(contextTokens !== undefined && contextTokens > 0 && { max_input_tokens: contextTokens }),
  }
}
