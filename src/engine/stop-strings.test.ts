import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StopStrings } from './stop-strings.ts'

function run(stops: string[], pieces: string[]): { out: string; stopped: boolean } {
  const gate = new StopStrings(stops)
  let out = ''
  for (const piece of pieces) {
    out += gate.push(piece)
    if (gate.stopped) return { out, stopped: true }
  }
  return { out: out + gate.flush(), stopped: false }
}

describe('StopStrings', () => {
  test('cuts at a stop string that comes in pieces, and lets none of it through', () => {
    expect(run(['\n\nUser:'], ['Yes.', '\n', '\nUs', 'er: more'])).toEqual({ out: 'Yes.', stopped: true })
  })

  test('lets through what only began like a stop string', () => {
    expect(run(['STOP'], ['a S', 'T', 'ORY'])).toEqual({ out: 'a STORY', stopped: false })
  })

  test('of several stop strings the one that begins first ends the text', () => {
    expect(run(['cd', 'bcx', 'b'], ['abcd'])).toEqual({ out: 'a', stopped: true })
  })

  test('however the text is cut into pieces, the outcome is that of the whole text', () => {
    const letters = fc.constantFrom('a', 'b', 'é')
    const texts = fc.string({ unit: letters, maxLength: 12 })
    const stops = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 6 }), stops, (pieces, stopStrings) => {
        const whole = pieces.join('')
        const result = run(stopStrings, pieces)
        // Piece by piece the text ends at the first piece that completes a stop string, so look no further than that.
        let seen = ''
        const upTo = pieces.find(
          (piece) => stopStrings.some((stop) => (seen + piece).includes(stop)) || !((seen += piece), true),
        )
        const text = upTo === undefined ? whole : seen + upTo
        const cuts = stopStrings.map((stop) => text.indexOf(stop)).filter((at) => at !== -1)
        expect(result).toEqual(
          cuts.length === 0 ? { out: whole, stopped: false } : { out: text.slice(0, Math.min(...cuts)), stopped: true },
        )
      }),
    )
  })
})
