/**
 * What a tier's answer costs of the standard price, by kind of provider and the provider's word for the tier.
 * A tier that is not here has no price: OpenAI's `priority` is 1.75 to 2.5 times the standard, model by model
 * (https://openai.com/api-priority-processing/), so whoever uses it states its price.
 */
const shares: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // https://platform.openai.com/docs/guides/flex-processing: tokens cost what they cost in a batch, which is half.
  openai: { default: 1, flex: 0.5, batch: 0.5 },
  // https://platform.claude.com/docs/en/api/service-tiers and …/build-with-claude/batch-processing
  anthropic: { standard: 1, batch: 0.5 },
  // https://console.groq.com/docs/flex-processing: flex costs what on_demand costs.
  groq: { on_demand: 1, flex: 1, performance: 1, batch: 0.5 },
}

const everybody: Readonly<Record<string, number>> = { standard: 1, default: 1, auto: 1, on_demand: 1 }

/** Undefined where it is not known. */
export function tierShare(kind: string, tier: string | undefined): number | undefined {
  return tier === undefined ? 1 : (shares[kind]?.[tier] ?? everybody[tier])
}
