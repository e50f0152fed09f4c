/** What a key opens: `inference` asks models, `admin:read` reads the admin API, `admin` changes things through it. */
export type Scope = 'inference' | 'admin:read' | 'admin'

/** Who sends a request, and what it may ask for. */
export interface Caller {
  /** Of the virtual key; `local` where none is asked for. Never the key itself, nor anything it can be told from. */
  readonly keyId: string
  /** As whoever made the key calls it. */
  readonly name: string
  readonly teamId?: string
  readonly scopes: ReadonlySet<Scope>
  /** Names of models and routes it may ask for; absent where it may ask for all. */
  readonly models?: ReadonlySet<string>
  /** The tier of its requests that name none. */
  readonly tier?: 'priority' | 'default' | 'flex'
}

/** Processes of this machine, as long as no key was made or set. The admin API needs a key all the same. */
export const localCaller: Caller = { keyId: 'local', name: 'local', scopes: new Set(['inference']) }

/** Whose stored answers are whose; undefined where nobody is told apart. */
export function ownerOf(caller: Caller): string | undefined {
  return caller === localCaller ? undefined : caller.keyId
}
