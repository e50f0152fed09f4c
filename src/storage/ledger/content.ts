import type { LedgerContent } from './ledger-batch.ts'
import { redacted } from './redact.ts'

/** What is written of what was said. */
export function keptContent({ asked, answered, redact }: LedgerContent): Pick<LedgerContent, 'asked' | 'answered'> {
  if (!redact) return { asked, answered }
  return { asked: asked === null ? null : redactedJson(asked), answered: answered === null ? null : redacted(answered) }
}

/** Texts in JSON may be spelled with escapes, so that what is to go is looked for in the texts themselves. */
function redactedJson(text: string): string {
  try {
    return JSON.stringify(
      JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? redacted(value) : value)),
    )
  } catch {
    // It was cut, or is no JSON.
    return redacted(text)
  }
}
