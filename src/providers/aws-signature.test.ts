// What is signed is written out here from https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { awsCredentials, awsRegion, signed } from './aws-signature.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const where = { service: 'bedrock', region: 'us-east-1' }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

test('signs a model id with colons and slashes as AWS computes it: the path is encoded twice', async () => {
  const model = 'arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-lite-v1:0'
  const url = new URL(`https://bedrock-runtime.us-east-1.amazonaws.com/model/${encodeURIComponent(model)}/converse`)
  const body = '{"messages":[]}'
  const headers = { accept: 'application/json', 'content-type': 'application/json' }
  const request = await signed({ method: 'POST', url, headers, body }, { ...credentials, sessionToken: 'tok' }, where)
  expect(request).toMatchObject({ url, body, headers: { ...headers, 'x-amz-security-token': 'tok' } })

  const time = request.headers['x-amz-date'] ?? ''
  const day = time.slice(0, 8)
  const path = `/model/${encodeURIComponent(encodeURIComponent(model))}/converse`
  const names = 'host;x-amz-date;x-amz-security-token'
  const canonical = `POST\n${path}\n\nhost:${url.host}\nx-amz-date:${time}\nx-amz-security-token:tok\n\n${names}\n${sha256(body)}`
  const scope = `${day}/us-east-1/bedrock/aws4_request`
  const key = [day, 'us-east-1', 'bedrock', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  )
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex')
  expect(request.headers['authorization']).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  )
})

test('credentials and region come from the names that AWS’s tools read', () => {
  expect(awsCredentials({ AWS_ACCESS_KEY_ID: 'a' })).toBeUndefined()
  expect(awsCredentials({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: '' })).toEqual({
    accessKeyId: 'a',
    secretAccessKey: 'b',
  })
  expect(awsRegion({ AWS_DEFAULT_REGION: 'eu-west-1' })).toBe('eu-west-1')
  expect(awsRegion({ AWS_REGION: '', AWS_DEFAULT_REGION: '' })).toBeUndefined()
})
