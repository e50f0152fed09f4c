const names = ['max_completion_tokens', 'max_tokens', 'max_output_tokens', 'maxOutputTokens'] as const
const choices = ['n', 'best_of', 'candidateCount', 'candidate_count'] as const
/** Bodies that ask for more are refused by whoever reads them. */
const mostChoices = 128
const mostPrompts = 2048
const mostTokens = 1_000_000_000

type Fields = Readonly<Record<string, unknown>>

/**
 * How many tokens all answers to a body may have together, under whichever name its wire has for that; undefined where
 * it leaves that open. Of several names the largest counts, and what is no number is left to whoever reads the body.
 */
export function askedLength(body: Fields): number | undefined {
  // Gemini's has them one level deeper: https://ai.google.dev/api/generate-content#generationconfig
  const inner = body['generationConfig'] ?? body['generation_config']
  const places = typeof inner === 'object' && inner !== null ? [body, inner as Fields] : [body]
  const length = largest(places, names, 0)
  if (length === undefined) return undefined
  const prompts = body['prompt']
  const several = Array.isArray(prompts) && typeof prompts[0] !== 'number' ? Math.min(prompts.length, mostPrompts) : 1
  const each = Math.min(largest(places, choices, 1) ?? 1, mostChoices)
  return Math.min(length * each * Math.max(1, several), mostTokens)
}

function largest(places: readonly Fields[], fields: readonly string[], least: number): number | undefined {
  let found: number | undefined
  for (const place of places) {
    for (const field of fields) {
      const value = place[field]
      if (typeof value === 'number' && value >= least && (found === undefined || value > found)) found = value
    }
  }
  return found
}
