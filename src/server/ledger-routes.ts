import type { FastifyInstance } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import type { LedgerRows } from '../storage/ledger/ledger-rows.ts'
import { usageGroups, type UsageGroup } from '../storage/ledger/usage-query.ts'
import { projected } from '../gateway/ledger/projection.ts'
import { momentOf } from './moments.ts'

const mostRows = 1000
const mostProjected = 1_000_000_000

interface LedgerParts {
  readonly rows: LedgerRows
  readonly ledger: Ledger
}

/** What `inferloom requests` and `inferloom usage` ask for. */
export function addLedgerRoutes(app: FastifyInstance, { rows, ledger }: LedgerParts): void {
  app.get('/admin/requests', async (request) => {
    const limit = wholeNumber('limit', (request.query as Query)['limit'] ?? '50', mostRows)
    await ledger.flush()
    return { data: await rows.latest(limit) }
  })
  app.get('/admin/requests/:id', async (request) => {
    const { id } = request.params as { id: string }
    await ledger.flush()
    const found = await rows.find(id)
    if (found) return found
    const message = `There is no request '${id.slice(0, 80)}' in the ledger. Remedy: take an id from x-request-id or GET /admin/requests; rows are kept for ledger.maxAgeDays.`
    throw new InferloomError('request_not_found', message, { param: 'id' })
  })
  app.get('/admin/usage', async (request) => {
    const query = request.query as Query
    const by = groupOf(query['by'] ?? 'model')
    const now = Date.now()
    const since = momentOf('since', query['since'] ?? '30d', now)
    const until = query['until'] === undefined ? now : momentOf('until', query['until'], now)
    if (until <= since) {
      throw new InferloomError('invalid_value', 'until must be later than since.', { param: 'until' })
    }
    const perDay = query['project'] === undefined ? undefined : wholeNumber('project', query['project'], mostProjected)
    await ledger.flush()
    const { lines, range } = await rows.usage(by, { since, until })
    const answer = {
      by,
      since: new Date(range.since).toISOString(),
      until: new Date(range.until).toISOString(),
      data: lines,
    }
    return perDay === undefined ? answer : { ...answer, projection: projected(lines, perDay) }
  })
}

type Query = Readonly<Record<string, string | undefined>>

function wholeNumber(param: string, given: string, most: number): number {
  const value = Number(given)
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new InferloomError('invalid_value', `${param} must be a whole number from 1 to ${most}.`, { param })
}

function groupOf(given: string): UsageGroup {
  const group = usageGroups.find((each) => each === given)
  if (group) return group
  const message = `by = ${given.slice(0, 40)} is not valid: it is one of ${usageGroups.join(', ')}.`
  throw new InferloomError('invalid_value', message, { param: 'by' })
}
