import { createSecretKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedConfig } from '../config/load.ts'
import { localCaller } from '../gateway/caller.ts'
import { KeyAdmin } from '../gateway/keys/key-admin.ts'
import { KeyRing } from '../gateway/keys/key-ring.ts'
import { homeSecret } from '../storage/home-secret.ts'
import { openStore, type Store } from '../storage/store.ts'
import { adminCaller, configuredCallers, isLoopback, needsNoKey } from './guard.ts'
import type { Holder } from './limits.ts'

export interface OpenedKeys {
  readonly ring: KeyRing
  readonly admin: KeyAdmin
  /** What whoever starts the server ought to know. */
  readonly complaint: string | undefined
  /** Whether processes of this machine need no key now. */
  needsNone(): boolean
  /** Everybody who can be limited. */
  holders(): Iterable<Holder>
}

const secretName = 'keys.secret'

/** The keys of a home. */
export async function openKeys({ home, config: { server } }: LoadedConfig, store: Store): Promise<OpenedKeys> {
  const hadSecret = existsSync(join(home, secretName))
  const secret = createSecretKey(homeSecret(home, secretName))
  const rows = await store.keys.all()
  const ring = new KeyRing(secret, rows)
  const needsNone = () => needsNoKey({ ...server, isLocal: isLoopback(server.host), ring })
  const complaint =
    hadSecret || rows.keys.length === 0
      ? undefined
      : `The file ${secretName} was not in ${home}: no key that was made before opens any more. Remedy: put the file back and start again, or rotate the keys.`
  return {
    ring,
    admin: new KeyAdmin(ring, store.keys, secret),
    complaint,
    needsNone,
    *holders() {
      for (const { keyId: id, name } of [adminCaller, ...configuredCallers(server.keys)])
        yield { kind: 'key', id, name }
      if (needsNone()) yield { kind: 'key', id: localCaller.keyId, name: localCaller.name }
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

/** The same where no server runs: what is changed counts when one starts. */
export async function openKeysAlone(loaded: LoadedConfig): Promise<{ admin: KeyAdmin; close: () => Promise<void> }> {
  const store = await openStore(loaded.home)
  const { admin } = await openKeys(loaded, store)
  return { admin, close: () => store.close() }
}
