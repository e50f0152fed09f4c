import { createVerify, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { json, sse, startUpstream } from '../../test/upstream-fixture.ts'
import { readCredentials, tokenForm } from './google-credentials.ts'
import { GoogleToken } from './google-token.ts'
import type { ProviderSettings } from './provider-kind.ts'
import { vertex } from './vertex.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const account = {
  type: 'service_account',
  client_email: 'robot@example.iam.gserviceaccount.com',
  private_key: privateKey,
  private_key_id: 'key-1',
  project_id: 'my-project',
  token_uri: 'https://oauth2.googleapis.com/token',
}

function fileOf(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'credentials.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

function made(settings: Partial<ProviderSettings>) {
  const provider = vertex.make({ name: 'vertex', keys: [], ...settings })
  onTestFinished(() => provider.close())
  return provider
}

const patient = () => new AbortController().signal
const request = {
  model: 'gemini-2.5-flash',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
  n: 1,
  stop: [],
  sampling: {},
} as const

describe('credentials', () => {
  test('of a service account are signed claims that its public key proves', () => {
    const form = tokenForm(readCredentials(fileOf(account), 'vertex'), 1000)
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const [header = '', claims = '', signature = ''] = form.get('assertion')?.split('.') ?? []
    const decoded = [header, claims].map((each) => JSON.parse(Buffer.from(each, 'base64url').toString()) as unknown)
    expect(decoded).toEqual([
      { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
      {
        iss: account.client_email,
        scope: 'https://www.googleapis.com/auth/cloud-platform',
        aud: account.token_uri,
        iat: 1000,
        exp: 4600,
      },
    ])
    const proven = createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url')
    expect(proven).toBe(true)
  })

  test('of a user are a token that is refreshed', () => {
    const user = { type: 'authorized_user', client_id: 'a', client_secret: 'b', refresh_token: 'c' }
    expect(tokenForm(readCredentials(fileOf(user), 'vertex'), 0).toString()).toBe(
      'grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=c',
    )
  })

  test.each([
    ['are sent elsewhere', { ...account, token_uri: 'https://googleapis.com.example/token' }, 'token_uri'],
    ['are sent in the clear', { ...account, token_uri: 'http://oauth2.googleapis.com/token' }, 'token_uri'],
    ['are sent to another port', { ...account, token_uri: 'https://oauth2.googleapis.com:8443/' }, 'token_uri'],
    ['lack something', { ...account, client_email: undefined }, 'client_email'],
    ['are no JSON', 'secret-stuff', 'not JSON'],
  ])('that %s are refused, and not quoted', (_, content, what) => {
    const read = () => readCredentials(fileOf(content), 'vertex')
    expect(read).toThrow(expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(what) }))
    expect(read).not.toThrow(/secret-stuff|PRIVATE KEY/)
  })

  test('with a key that is none say so, and do not quote it', () => {
    const broken = readCredentials(fileOf({ ...account, private_key: 'secret-stuff' }), 'vertex')
    expect(() => tokenForm(broken, 0)).toThrow(expect.objectContaining({ code: 'config_invalid' }))
    expect(() => tokenForm(broken, 0)).not.toThrow(/secret-stuff/)
  })
})

describe('a token', () => {
  const tokenFrom = (url: string) =>
    new GoogleToken('vertex', () => ({ method: 'POST', url: new URL(url), headers: {}, body: 'assertion=secret' }))

  test('is fetched once for all who wait, and again before it ends', async () => {
    let count = 0
    const upstream = await startUpstream(() => json({ access_token: `token-${++count}`, expires_in: 3600 }))
    const token = tokenFrom(upstream.url)
    expect(await Promise.all([token.value(), token.value(), token.value()])).toEqual(Array(3).fill('token-1'))
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + 3_200_000)
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await token.value()).toBe('token-1')
    vi.spyOn(Date, 'now').mockReturnValue(now + 3_400_000)
    expect(await token.value()).toBe('token-2')
    expect(upstream.asked).toHaveLength(2)
  })

  test.each([
    ['provider_key_refused', json({ error: 'invalid_grant', error_description: 'Invalid JWT' }, 400)],
    ['provider_failed', json({}, 500)],
    ['provider_invalid_reply', json({ access_token: 'line\nbreak', expires_in: 3600 })],
    ['provider_invalid_reply', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
    ['provider_invalid_reply', { body: '<html>' }],
  ])('that is not given is %s, and the next request tries again', async (code, answer) => {
    let failed = false
    const upstream = await startUpstream(() => {
      if (failed) return json({ access_token: 'token', expires_in: 3600 })
      failed = true
      return answer
    })
    const token = tokenFrom(upstream.url)
    await expect(token.value()).rejects.toMatchObject({ code, fault: { provider: 'vertex' } })
    expect(await token.value()).toBe('token')
  })
})

describe('a provider', () => {
  test('with a key asks in express mode', async () => {
    const upstream = await startUpstream(({ path }) =>
      path.endsWith(':predict')
        ? json({ predictions: [{ embeddings: { values: [3, 4], statistics: { token_count: 2 } } }] })
        : sse(['{"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}]}']),
    )
    const provider = made({ keys: ['express-key'], baseUrl: `${upstream.url}/v1/publishers/google` })
    const events = (await Array.fromAsync(provider.generate(request, patient()))).flat()
    expect(events).toMatchObject([{ text: 'Hello' }, { type: 'text-end' }, { type: 'finish' }])
    const embedded = await provider.embed?.({ model: 'text-embedding-005', inputs: ['a'], dimensions: 2 }, patient())
    expect(embedded).toEqual({ embeddings: [Float32Array.of(0.6, 0.8)], inputTokens: 2 })
    expect(upstream.body()).toEqual({
      instances: [{ content: 'a' }],
      parameters: { autoTruncate: false, outputDimensionality: 2 },
    })
    expect(upstream.asked.map(({ path }) => path)).toEqual([
      '/v1/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
      '/v1/publishers/google/models/text-embedding-005:predict',
    ])
    for (const { headers } of upstream.asked) expect(headers['x-goog-api-key']).toBe('express-key')
  })

  test.each([
    ['project', {}],
    ['project', { project: 'a/../b' }],
    ['region', { project: 'my-project', region: 'evil.example/' }],
  ])('without a %s that can be one is refused', (setting, extra) => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '')
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const make = () => made({ extra })
    expect(make).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(`vertex.${setting} `) }),
    )
  })

  test('takes its project from its credentials, and without any says what is missing', async () => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(() => made({ extra: { credentials: fileOf(account) } })).not.toThrow()
    const provider = made({ extra: { project: 'my-project' } })
    const asked = Array.fromAsync(provider.generate(request, patient()))
    await expect(asked).rejects.toMatchObject({ code: 'provider_key_missing' })
  })
})
