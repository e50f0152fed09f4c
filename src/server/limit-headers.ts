import type { FastifyReply } from 'fastify'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { limitHeaders } from '../dialects/openai/limit-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where a path belongs to a wire whose headers for limits are not OpenAI's. */
    limitHeaders?: Dialect['limitHeaders']
  }
}

/** Tells a client where it stands with its limits, in the headers that it looks for. */
export function tellStanding(reply: FastifyReply, standing: LimitStanding): void {
  const write = reply.request.routeOptions.config.limitHeaders ?? limitHeaders
  void reply.headers(write(standing))
  const { budgetWarning } = standing
  if (budgetWarning !== undefined) void reply.header('x-inferloom-budget-warning', onOneLine(budgetWarning))
}

/** Names of models may hold what no header can. */
function onOneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 500)
}
