/** A store beside this process that others use, too. What it throws has nothing secret in it. */
export interface SharedStore {
  /** False once its connection is lost; it does not come back. */
  readonly isOpen: boolean
  /** Resolves when it answers. */
  ping(): Promise<void>
  /** Undefined where there is none, or one of more than so many bytes: no more than these are read. */
  find(key: string, mostBytes: number): Promise<string | undefined>
  put(key: string, text: string, ttlMs: number): Promise<void>
  /** At once: what was asked fails. */
  close(): void
}

/** What may wait for answers; whoever asks has bounds of their own below it. */
const mostCommands = 10_000

/** Connects to Valkey or Redis, unless it is aborted before. Its client is loaded here: nobody pays for it who has none. */
export async function openSharedStore(url: string, signal: AbortSignal): Promise<SharedStore> {
  const { createClient } = await import('@redis/client')
  const client = createClient({
    url,
    // The older protocol: what is asked here has the same answers in both, and older servers and proxies know it.
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    commandsQueueMaxLength: mostCommands,
    // Whoever asks for the store decides when it is tried again.
    socket: { reconnectStrategy: false },
  })
  // Without a listener it would end the process; those who wait are told by what they wait for.
  client.on('error', () => {})
  const close = () => client.destroy()
  signal.addEventListener('abort', close, { once: true })
  const told = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked
    } catch (error) {
      throw withoutSecrets(error, url)
    }
  }
  try {
    await told(client.connect())
  } finally {
    signal.removeEventListener('abort', close)
  }
  return {
    get isOpen() {
      return client.isReady
    },
    async ping() {
      await told(client.ping())
    },
    async find(key, mostBytes) {
      // Empty where there is none: no entry is.
      const text = (await told(client.getRange(key, 0, mostBytes))) ?? ''
      return text === '' || Buffer.byteLength(text) > mostBytes ? undefined : text
    },
    async put(key, text, ttlMs) {
      await told(client.set(key, text, { expiration: { type: 'PX', value: ttlMs } }))
    },
    close,
  }
}

/** Errors of clients may carry the address they were given. */
function withoutSecrets(error: unknown, url: string): Error {
  const { password } = new URL(url)
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  const secrets = [url, password, decodeURIComponent(password)].filter(Boolean)
  const said = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), message || name)
  return new Error(`${said.slice(0, 300)}${/[.!?]$/.test(said) ? '' : '.'}`)
}
