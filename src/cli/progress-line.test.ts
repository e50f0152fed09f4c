import { expect, test } from 'vitest'
import { ProgressLine, progressText } from './progress-line.ts'

test.each([
  [[1.2e9, 2.4e9, 4e7], '1.2 GB of 2.4 GB, 50 %, 40.0 MB/s, 30 s left'],
  [[0, 2.4e9, undefined], '0 B of 2.4 GB, 0 %'],
  [[2.399e9, 2.4e9, 1e3], '2.4 GB of 2.4 GB, 99 %, 1.0 kB/s, 17 min left'],
  [[1e9, 1e11, 1e6], '1.0 GB of 100.0 GB, 1 %, 1.0 MB/s, 27.5 h left'],
  [[5e6, undefined, 1e6], '5.0 MB, 1.0 MB/s'],
] as const)('%j reads as %s', ([received, total, speed], text) => {
  expect(progressText(received, total, speed)).toBe(text)
})

function written(isTTY: boolean, use: (line: ProgressLine) => void): string {
  let all = ''
  use(new ProgressLine({ isTTY, columns: 40, write: (text) => (all += text) }))
  return all
}

test('a terminal has one line that is written over, and what is said stands on a line of its own', () => {
  const text = written(true, (line) => {
    line.show(0, 2e6)
    line.show(1, 2e6) // too soon after the one before
    line.say('cut')
    line.show(2e6, 2e6)
    line.end()
  })
  expect(text.replaceAll('\u{1B}[K', '<erase>').replaceAll('\r', '<start>')).toMatch(
    /^<start>0 B of 2\.0 MB, 0 %<erase>\ncut\n<start>2\.0 MB of 2\.0 MB, 100 %.*<erase>\n$/,
  )
})

test('a log gets whole lines and few of them', () => {
  const text = written(false, (line) => {
    for (let received = 0; received < 1000; received++) line.show(received, 1000)
    line.show(1000, 1000)
    line.end()
  })
  expect(text).toMatch(/^0 B of 1\.0 kB, 0 %\n1\.0 kB of 1\.0 kB, 100 %[^\n]*\n$/)
})
