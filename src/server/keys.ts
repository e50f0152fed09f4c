import { localCaller } from '../gateway/caller.ts'
import { KeyAdmin } from '../gateway/keys/key-admin.ts'
import { KeyRing } from '../gateway/keys/key-ring.ts'
import { homeSecret } from '../storage/home-secret.ts'
import type { Store } from '../storage/store.ts'
import type { Holder } from './limits.ts'

export interface OpenedKeys {
  readonly ring: KeyRing
  readonly admin: KeyAdmin
  /** Everybody who can be limited. */
  holders(): Iterable<Holder>
}

/** The keys of a home. */
export async function openKeys(home: string, { keys: rows }: Pick<Store, 'keys'>): Promise<OpenedKeys> {
  const secret = homeSecret(home, 'keys.secret')
  const ring = new KeyRing(secret, await rows.all())
  return {
    ring,
    admin: new KeyAdmin(ring, rows, secret),
    *holders() {
      if (!ring.isUsed) yield { kind: 'key', id: localCaller.keyId, name: localCaller.name }
      for (const row of ring.keys()) {
        const { key: limits } = ring.limitsOf({ ...localCaller, keyId: row.id })
        if (row.revoked_at === null) yield { kind: 'key', id: row.id, name: row.name, limits }
      }
      for (const { id, name } of ring.teams()) {
        yield { kind: 'team', id, name, limits: ring.limitsOf({ ...localCaller, teamId: id }).team }
      }
    },
  }
}
