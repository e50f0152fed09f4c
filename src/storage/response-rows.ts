import { sql, type Kysely } from 'kysely'
import type { ResponseRow, Tables } from './tables.ts'

/** Answers that are kept so that later requests can refer to them. */
export interface ResponseRows {
  insert(rows: readonly ResponseRow[]): Promise<void>
  /** Made after `since`, in milliseconds since 1970. */
  find(id: string, owner: string, since: number): Promise<ResponseRow | undefined>
  /** The answer and those it continued, first one first; at most so many, and about so many bytes. */
  chain(id: string, owner: string, limits: ChainLimits): Promise<ResponseRow[]>
  /** Whether there was one. */
  delete(id: string, owner: string): Promise<boolean>
  totalBytes(): Promise<number>
  oldest(limit: number): Promise<{ sequence: number; bytes: number; created_at: number }[]>
  deleteUpTo(sequence: number): Promise<void>
}

interface ChainLimits {
  readonly since: number
  readonly turns: number
  readonly bytes: number
}

export function responseRows(db: Kysely<Tables>): ResponseRows {
  const columns = ['id', 'owner', 'created_at', 'previous_id', 'input', 'response', 'bytes'] as const
  return {
    async insert(rows) {
      await db
        .insertInto('responses')
        .values([...rows])
        .execute()
    },
    async find(id, owner, since) {
      const mine = db.selectFrom('responses').select(columns).where('id', '=', id).where('owner', '=', owner)
      return await mine.where('created_at', '>', since).executeTakeFirst()
    },
    async chain(id, owner, { since, turns, bytes }) {
      const { rows } = await sql<ResponseRow>`
        with recursive chain as (
          select id, owner, created_at, previous_id, input, response, bytes, 1 as turn, bytes as total
          from responses where id = ${id} and owner = ${owner} and created_at > ${since}
          union all
          select r.id, r.owner, r.created_at, r.previous_id, r.input, r.response, r.bytes, chain.turn + 1, chain.total + r.bytes
          from responses r join chain on r.id = chain.previous_id
          where r.owner = ${owner} and r.created_at > ${since} and chain.turn < ${turns} and chain.total < ${bytes}
        )
        select id, owner, created_at, previous_id, input, response, bytes from chain order by turn desc
      `.execute(db)
      return rows
    },
    async delete(id, owner) {
      const mine = db.deleteFrom('responses').where('id', '=', id).where('owner', '=', owner)
      return (await mine.executeTakeFirst()).numDeletedRows > 0n
    },
    async totalBytes() {
      const sum = db.selectFrom('responses').select((each) => each.fn.sum<number | null>('bytes').as('total'))
      return (await sum.executeTakeFirst())?.total ?? 0
    },
    async oldest(limit) {
      const some = db.selectFrom('responses').select(['sequence', 'bytes', 'created_at'])
      return await some.orderBy('sequence').limit(limit).execute()
    },
    async deleteUpTo(sequence) {
      await db.deleteFrom('responses').where('sequence', '<=', sequence).execute()
    },
  }
}
