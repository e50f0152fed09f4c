import { userInfo } from 'node:os'
import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { ServerClient } from './server-client.ts'

/** Where keys are made and changed: at the running server, or without one. Paths are those under /admin. */
export interface KeyDesk {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: object): Promise<T>
}

/** Asks the running server; where none runs, its own database is opened, so that keys can be made before the start. */
export async function openKeyDesk<T>(loaded: LoadedConfig, work: (desk: KeyDesk) => Promise<T>): Promise<T> {
  const client = ServerClient.of(loaded)
  if (await client.isListening()) {
    return await work({
      get: (path) => client.json(`/admin/${path}`),
      post: async <T>(path: string, body: object) =>
        (await (await client.request(`/admin/${path}`, { body })).json()) as T,
    })
  }
  const { openKeysAlone } = await import('../server/keys.ts')
  const { admin, close } = await openKeysAlone(loaded)
  try {
    const actor = { keyId: 'cli', name: `command line of ${userInfo().username}` }
    const done = async (path: string, body: object): Promise<unknown> => {
      const [, kind, id = '', action] = /^(keys|teams)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(path) ?? []
      const reference = decodeURIComponent(id)
      const name = `${kind} ${id === '' ? 'create' : (action ?? 'update')}`
      switch (name) {
        case 'keys create':
          return await admin.createKey(body, actor)
        case 'keys update':
          return await admin.updateKey(reference, body, actor)
        case 'keys rotate':
          return await admin.rotateKey(reference, body, actor)
        case 'keys revoke':
          return await admin.revokeKey(reference, actor)
        case 'teams create':
          return await admin.createTeam(body, actor)
        case 'teams update':
          return await admin.updateTeam(reference, body, actor)
        case 'teams remove':
          return await admin.removeTeam(reference, actor)
      }
      throw new InferloomError('internal_error', `There is no ${path}.`)
    }
    const read = async (path: string): Promise<unknown> => {
      if (path.startsWith('keys/')) return admin.showKey(decodeURIComponent(path.slice('keys/'.length)))
      if (path.startsWith('keys')) return admin.listKeys({ revoked: path.endsWith('?revoked=true') })
      if (path === 'teams') return { data: admin.listTeams() }
      return { data: await admin.latestAudit(Number(new URLSearchParams(path.split('?')[1]).get('limit') ?? 50)) }
    }
    return await work({
      get: async <T>(path: string) => (await read(path)) as T,
      post: async <T>(path: string, body: object) => (await done(path, body)) as T,
    })
  } finally {
    await close()
  }
}
