import type { FastifyInstance } from 'fastify'
import { budgetLines, type BudgetParts, type LimitedParty } from '../gateway/budgets/budget-lines.ts'
import { projectionMethod } from '../gateway/budgets/projection.ts'

const mostLines = 1000

interface Parts extends BudgetParts {
  /** Whoever has limits now. */
  readonly parties: () => Iterable<LimitedParty>
}

/** What `inferloom budgets` asks for. */
export function addBudgetRoutes(app: FastifyInstance, { parties, ...parts }: Parts): void {
  app.get('/admin/budgets', async () => {
    const { lines, more } = await budgetLines(parties(), parts, mostLines)
    return { data: lines, more, method: projectionMethod }
  })
}
