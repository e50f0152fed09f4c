// https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html
import { InferloomError } from '../canonical/errors.ts'
import { awsCredentials, awsRegion, signed } from './aws-signature.ts'
import { bearer, keyMissing, signWithKeys } from './keys.ts'
import type { ProviderKind, ProviderSettings } from './provider-kind.ts'
import { remoteProvider, type RemoteProviderOptions } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { bedrockConverse } from './wire/bedrock-converse.ts'
import { bedrockEmbed, bedrockRerank } from './wire/bedrock-invoke.ts'

/** Its API keys: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html */
const env = ['AWS_BEARER_TOKEN_BEDROCK']

export const amazonBedrock: ProviderKind = {
  name: 'amazon-bedrock',
  env,
  make(settings) {
    const region = regionOf(settings)
    return remoteProvider({
      name: settings.name,
      baseUrl: settings.baseUrl ?? `https://bedrock-runtime.${region}.${domainOf(region)}`,
      authorize: settings.keys.length > 0 ? withKeys(settings) : withCredentials(settings, region),
      generate: () => [bedrockConverse],
      embed: bedrockEmbed,
      rerank: bedrockRerank,
      // Its models are listed by another host, which asks for other permissions.
      ...(settings.models && { models: settings.models }),
      timeouts: timeoutsOf(settings.timeouts),
    })
  },
}

function regionOf({ name, extra }: ProviderSettings): string {
  const region = extra?.['region'] ?? awsRegion(process.env)
  // It becomes part of a host's name.
  if (typeof region === 'string' && /^[a-z\d-]{1,40}$/.test(region)) return region
  const what = region === undefined ? 'is missing' : 'is not a region such as us-east-1'
  throw new InferloomError('config_invalid', `providers.${name}.region ${what}. Remedy: set it, or AWS_REGION.`)
}

/** https://docs.aws.amazon.com/general/latest/gr/rande.html: China is a partition of its own. */
function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}

function withKeys({ name, keys, headers }: ProviderSettings): RemoteProviderOptions['authorize'] {
  return signWithKeys({ provider: name, keys, env, header: bearer, ...(headers && { headers }) })
}

/** Read anew for each request, so that a program that holds a server can renew what expires. */
function withCredentials({ name, headers = {} }: ProviderSettings, region: string): RemoteProviderOptions['authorize'] {
  return async (request) => {
    const credentials = awsCredentials(process.env)
    if (!credentials) throw keyMissing(name, [...env, 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'])
    const whole = { ...request, headers: { ...request.headers, ...headers } }
    return signed(whole, credentials, { service: 'bedrock', region })
  }
}
