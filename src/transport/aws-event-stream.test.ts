import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameSplitter } from './aws-event-stream.ts'
import { UnreadableStream } from './unreadable-stream.ts'

function frame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const head = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const text = Buffer.from(value)
      return Buffer.concat([
        Buffer.from([name.length]),
        Buffer.from(name),
        Buffer.from([7, text.length >> 8, text.length & 255]),
        text,
      ])
    }),
  )
  const body = Buffer.from(payload)
  const bytes = Buffer.alloc(16 + head.length + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(head.length, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  head.copy(bytes, 12)
  body.copy(bytes, 12 + head.length)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}

const contents = fc.record({
  type: fc.string({ unit: 'grapheme', maxLength: 20 }),
  payload: fc.string({ unit: 'grapheme' }),
})

test('frames are the same however their bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(contents, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({ type, payload }) => frame({ ':event-type': type }, payload)))
      const splitter = new FrameSplitter()
      const read = []
      let at = 0
      for (const size of [...cuts, bytes.length + 1]) {
        read.push(...splitter.push(bytes.subarray(at, at + size)))
        at += size
      }
      expect(splitter.betweenFrames).toBe(true)
      expect(
        read.map(({ headers, payload }) => ({
          type: headers[':event-type'],
          payload: Buffer.from(payload).toString(),
        })),
      ).toEqual(frames)
    }),
  )
})

test('one wrong bit anywhere in a frame is found', () => {
  const good = frame({ ':event-type': 'messageStop' }, '{"stopReason":"end_turn"}')
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(7), (at, bit) => {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ (1 << bit)
      expect(() => new FrameSplitter().push(bad)).toThrow(UnreadableStream)
    }),
  )
})

test('a frame of a size that is not allowed, and one that is cut', () => {
  const huge = Buffer.alloc(12)
  huge.writeUInt32BE(2 ** 31, 0)
  expect(() => new FrameSplitter().push(huge)).toThrow('a frame of 2147483648 bytes')
  const splitter = new FrameSplitter()
  expect(splitter.push(frame({}, 'payload').subarray(0, -1))).toEqual([])
  expect(splitter.betweenFrames).toBe(false)
})
