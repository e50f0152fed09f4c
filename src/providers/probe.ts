import { beginningOf } from '../transport/whole-body.ts'
import { Addresses } from './addresses.ts'
import { ask, type Upstream } from './ask.ts'
import { openaiRefusal } from './wire/openai-refusal.ts'

/** Bytes of an answer that are read: what it says does not matter. */
const mostBytes = 65_536

/** Asks a service for a page, below its base URL or, as those of health are, at its server's root. Resolves when it says yes. */
export async function probe(
  upstream: Upstream,
  page: { readonly below: string } | { readonly atRoot: string; readonly baseUrl: string },
  signal: AbortSignal,
): Promise<void> {
  const [whom, path] =
    'below' in page
      ? [upstream, page.below]
      : [{ ...upstream, addresses: new Addresses(new URL(page.baseUrl).origin) }, page.atRoot]
  const reply = await ask(whom, { method: 'GET', path, accept: '*/*', refusal: openaiRefusal }, signal)
  try {
    await beginningOf(reply, mostBytes)
  } finally {
    reply.cancel()
  }
}
