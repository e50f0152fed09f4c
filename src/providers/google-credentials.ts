// https://cloud.google.com/docs/authentication/application-default-credentials
import { createSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { InferloomError } from '../canonical/errors.ts'

const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: z.string().default('https://oauth2.googleapis.com/token'),
})

const user = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  refresh_token: z.string().min(1),
  quota_project_id: z.string().optional(),
})

export type GoogleCredentials = z.infer<typeof serviceAccount> | z.infer<typeof user>

/** Reads a file of credentials. Throws `config_invalid`, which says what is wrong and never what is in it. */
export function readCredentials(file: string, provider: string): GoogleCredentials {
  const wrong = (what: string) =>
    new InferloomError(
      'config_invalid',
      `The credentials of ${provider}, ${file.slice(0, 200)}, ${what}. Remedy: make a key of a service account, and name its file in GOOGLE_APPLICATION_CREDENTIALS.`,
    )
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw wrong(error instanceof SyntaxError ? 'are not JSON' : 'cannot be read')
  }
  const parsed = z.discriminatedUnion('type', [serviceAccount, user]).safeParse(content)
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.map(String).join('.') || 'the top level'
    throw wrong(`are neither of a service account nor of a user: see ${at}`)
  }
  if (!isGoogles(tokenUrlOf(parsed.data))) throw wrong('name a token_uri that is not https at googleapis.com')
  return parsed.data
}

export function tokenUrlOf(credentials: GoogleCredentials): string {
  return credentials.type === 'service_account' ? credentials.token_uri : 'https://oauth2.googleapis.com/token'
}

/** What is signed there can be exchanged for a token, so it must reach nobody else. */
function isGoogles(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.protocol === 'https:' && /(^|\.)googleapis\.com$/.test(parsed.hostname) && parsed.port === ''
}

/** What is exchanged for a token, as a web form. https://developers.google.com/identity/protocols/oauth2/service-account */
export function tokenForm(credentials: GoogleCredentials, nowSeconds: number): URLSearchParams {
  if (credentials.type === 'service_account') {
    const assertion = signedClaims(credentials, nowSeconds)
    return new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
  }
  const { client_id, client_secret, refresh_token } = credentials
  return new URLSearchParams({ grant_type: 'refresh_token', client_id, client_secret, refresh_token })
}

function signedClaims(account: z.infer<typeof serviceAccount>, nowSeconds: number): string {
  const { client_email: iss, private_key: key, private_key_id: kid, token_uri: aud } = account
  const header = { alg: 'RS256', typ: 'JWT', ...(kid !== undefined && { kid }) }
  const scope = 'https://www.googleapis.com/auth/cloud-platform'
  const claims = { iss, scope, aud, iat: nowSeconds, exp: nowSeconds + 3600 }
  const signed = [header, claims].map((each) => Buffer.from(JSON.stringify(each)).toString('base64url')).join('.')
  try {
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
  } catch {
    // What OpenSSL says of a key may hold some of it.
    throw new InferloomError(
      'config_invalid',
      "The service account's private_key is not a key. Remedy: make a new one.",
    )
  }
}
