// Writes frames of https://smithy.io/2.0/aws/amazon-eventstream.html, as services of AWS send them.
import { crc32 } from 'node:zlib'

/** One frame with headers that are texts. */
function awsFrame(headers: Readonly<Record<string, string>>, payload: unknown): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => awsHeader(name, value)))
  const body = Buffer.from(JSON.stringify(payload))
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(12 + head.length + body.length + 4, 0)
  prelude.writeUInt32BE(head.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const unsummed = Buffer.concat([prelude, head, body])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(unsummed), 0)
  return Buffer.concat([unsummed, checksum])
}

function awsHeader(name: string, value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(Buffer.byteLength(value), 0)
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value)])
}

export function awsEvent(type: string, payload: unknown): Buffer {
  return awsFrame({ ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }, payload)
}

export function awsException(type: string, payload: unknown): Buffer {
  return awsFrame(
    { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' },
    payload,
  )
}
