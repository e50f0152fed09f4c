// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamRequest } from '../transport/upstream-client.ts'
import { readCredentials, tokenForm, tokenUrlOf } from './google-credentials.ts'
import { GoogleToken } from './google-token.ts'
import { googleKey } from './google.ts'
import { keyMissing, signWithKeys } from './keys.ts'
import type { ProviderKind, ProviderSettings } from './provider-kind.ts'
import { remoteProvider, type RemoteProviderOptions } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { vertexCount } from './wire/gemini-count.ts'
import { vertexEmbed } from './wire/gemini-embed.ts'
import { gemini } from './wire/gemini.ts'

/** For its express mode: https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview */
const env = ['GOOGLE_VERTEX_API_KEY']

export const vertex: ProviderKind = {
  name: 'vertex',
  env,
  make(settings) {
    const { name, keys, headers, timeouts, models } = settings
    const express = keys.length > 0
    return remoteProvider({
      name,
      baseUrl: settings.baseUrl ?? (express ? `${host('global')}/v1/publishers/google` : projectUrl(settings)),
      authorize: express
        ? signWithKeys({ provider: name, keys, env, header: googleKey, ...(headers && { headers }) })
        : withToken(settings),
      generate: () => [gemini],
      count: vertexCount,
      embed: vertexEmbed,
      // Its list is that of a whole catalogue, which says nothing of what a project may use.
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}

function projectUrl(settings: ProviderSettings): string {
  const { name, extra = {} } = settings
  const location = part(extra['region'] ?? process.env['GOOGLE_CLOUD_LOCATION'] ?? 'global')
  if (location === undefined) throw invalid(name, 'region', 'is not a location such as us-central1', 'correct it')
  const project = part(extra['project'] ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? projectOfCredentials(settings))
  if (project === undefined) {
    throw invalid(name, 'project', 'is not set or not the id of a project', 'set it, or GOOGLE_CLOUD_PROJECT')
  }
  return `${host(location)}/v1/projects/${project}/locations/${location}/publishers/google`
}

/** It becomes part of an address. */
function part(value: unknown): string | undefined {
  return typeof value === 'string' && /^[a-z\d][a-z\d:.-]{0,99}$/.test(value) ? value : undefined
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations */
function host(location: string): string {
  if (location === 'global') return 'https://aiplatform.googleapis.com'
  if (location === 'us' || location === 'eu') return `https://aiplatform.${location}.rep.googleapis.com`
  return `https://${location}-aiplatform.googleapis.com`
}

function invalid(name: string, setting: string, what: string, remedy: string): InferloomError {
  return new InferloomError('config_invalid', `providers.${name}.${setting} ${what}. Remedy: ${remedy}.`)
}

/** A file, or `metadata` for whom the machine itself runs as. */
function credentialsOf({ extra }: ProviderSettings): string | undefined {
  const given = extra?.['credentials'] ?? process.env['GOOGLE_APPLICATION_CREDENTIALS']
  return typeof given === 'string' && given !== '' ? given : undefined
}

function projectOfCredentials(settings: ProviderSettings): string | undefined {
  const file = credentialsOf(settings)
  if (file === undefined || file === 'metadata') return undefined
  const credentials = readCredentials(file, settings.name)
  return credentials.type === 'service_account' ? credentials.project_id : credentials.quota_project_id
}

function withToken(settings: ProviderSettings): RemoteProviderOptions['authorize'] {
  const { name, headers = {} } = settings
  const token = new GoogleToken(name, () => tokenRequest(settings))
  return async (request) => {
    const authorization = `Bearer ${await token.value()}`
    return { ...request, headers: { ...request.headers, ...headers, authorization } }
  }
}

function tokenRequest(settings: ProviderSettings): UpstreamRequest {
  const source = credentialsOf(settings)
  if (source === undefined) throw keyMissing(settings.name, [...env, 'GOOGLE_APPLICATION_CREDENTIALS'])
  if (source === 'metadata') return metadataRequest
  // Read anew for each token, so that a key can be replaced.
  const credentials = readCredentials(source, settings.name)
  return {
    method: 'POST',
    url: new URL(tokenUrlOf(credentials)),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: tokenForm(credentials, Math.floor(Date.now() / 1000)).toString(),
  }
}

/** https://cloud.google.com/compute/docs/metadata/querying-metadata; asked only where the configuration says so. */
const metadataRequest: UpstreamRequest = {
  method: 'GET',
  url: new URL('http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token'),
  headers: { 'metadata-flavor': 'Google', accept: 'application/json' },
}
