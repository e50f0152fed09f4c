import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventSplitter, readEvent } from './server-sent-events.ts'

function split(bytes: Uint8Array, cuts: readonly number[]) {
  const splitter = new EventSplitter()
  const events: Uint8Array[] = []
  let at = 0
  for (const size of [...cuts, bytes.length]) {
    events.push(...splitter.push(bytes.subarray(at, at + size)))
    at += size
  }
  return { events, rest: splitter.rest() }
}

const ending = fc.constantFrom('\n', '\r', '\r\n')
const words = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, ''))
const event = fc.record({ data: fc.array(words, { minLength: 1, maxLength: 3 }), name: fc.option(words), ending })

test('events are the same however their bytes are cut, and no byte is lost', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.nat(9), { maxLength: 200 }), (events, cuts) => {
      const text = events
        .map(({ data, name, ending }) =>
          [...(name === null ? [] : [`event: ${name}`]), ...data.map((each) => `data: ${each}`), '', ''].join(ending),
        )
        .join('')
      const bytes = Buffer.from(text)
      const { events: pieces, rest } = split(bytes, cuts)
      expect(Buffer.concat([...pieces, rest])).toEqual(bytes)
      const read = pieces.map(readEvent).filter((each) => each !== undefined)
      expect(read).toEqual(
        events.map(({ data, name }) => ({ data: data.join('\n'), ...(name !== null && { event: name }) })),
      )
    }),
  )
})

test('an event is complete with its own last byte, also where a line feed may still follow', () => {
  const splitter = new EventSplitter()
  expect(splitter.push(Buffer.from('data: a\r\n\r')).map(readEvent)).toEqual([{ data: 'a' }])
  expect(splitter.push(Buffer.from('\ndata: b\r\n\r\n')).map(readEvent)).toEqual([{ data: 'b' }])
  expect(splitter.rest()).toHaveLength(0)
})

test('comments, unknown fields, a byte order mark and data without a space', () => {
  expect(readEvent(Buffer.from(': keep-alive\n\n'))).toBeUndefined()
  expect(readEvent(Buffer.from('id: 7\nretry: 5\n\n'))).toBeUndefined()
  expect(readEvent(Buffer.from('\uFEFFdata:x\ndatabase: y\ndata\n\n'))).toEqual({ data: 'x\n' })
})

test('an event that does not end is given up', () => {
  const splitter = new EventSplitter()
  const megabyte = Buffer.alloc(1024 * 1024, 'a')
  expect(() => {
    for (let count = 0; count < 20; count++) splitter.push(megabyte)
  }).toThrow('larger than 16 MB')
})
