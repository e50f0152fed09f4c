// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
import { AwsV4Signer } from 'aws4fetch'
import type { UnsignedRequest } from './remote-provider.ts'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of credentials that expire. */
  readonly sessionToken?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The names that AWS's own tools read: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html */
export function awsCredentials(env: Environment): AwsCredentials | undefined {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html */
export function awsRegion(env: Environment): string | undefined {
  return env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined
}

export interface Signing {
  readonly service: string
  readonly region: string
}

/** Only the host, the time and the body are signed: other headers may be changed on the way. */
export async function signed(
  request: UnsignedRequest,
  credentials: AwsCredentials,
  { service, region }: Signing,
): Promise<UnsignedRequest> {
  const { method, url, headers, body } = request
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    ...(body !== undefined && { body }),
    ...credentials,
    service,
    region,
  })
  const signature = await signer.sign()
  return { ...request, headers: { ...headers, ...Object.fromEntries(signature.headers) } }
}
