import { pick, seededRandom } from './seeded-random.ts'

/** A byte-level BPE vocabulary: every text can be written in it, and words of its syllables take about a token each. */
export interface Vocabulary {
  readonly tokens: readonly string[]
  readonly merges: readonly string[]
  /** Ids of the control tokens, which stand last. */
  readonly control: { readonly endOfText: number; readonly start: number; readonly end: number }
}

const controlTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const longestToken = 8

/** Syllables that the merges build on, and prompts are written with. */
export const syllables: readonly string[] = Array.from('bdfghklmnprstvz').flatMap((consonant) =>
  Array.from('aeiou', (vowel) => consonant + vowel),
)

export function randomVocabulary(size: number, seed: number): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => byteText(byte))
  const least = bytes.length + controlTokens.length
  if (size < least) throw new Error(`vocabulary is ${size}; the bytes and control tokens alone are ${least}`)
  const tokens = new Set(bytes)
  const merges: string[] = []
  const merge = (left: string, right: string) => {
    if (tokens.size >= size - controlTokens.length || tokens.has(left + right)) return
    tokens.add(left + right)
    merges.push(`${left} ${right}`)
  }
  for (const syllable of syllables) merge(syllable.slice(0, 1), syllable.slice(1))
  const beginnings: string[] = []
  for (const syllable of syllables) {
    merge(byteText(0x20), syllable)
    beginnings.push(byteText(0x20) + syllable)
  }
  const random = seededRandom(seed)
  // Too few short words for the vocabulary asked for would make this endless, hence the bound.
  for (let tries = 0; tries < size * 50 && tokens.size < size - controlTokens.length; tries++) {
    const beginning = pick(random, beginnings)
    const syllable = pick(random, syllables)
    merge(beginning, syllable)
    if (beginning.length + 2 < longestToken) beginnings.push(beginning + syllable)
  }
  for (let filler = 0; tokens.size < size - controlTokens.length; filler++) tokens.add(`<unused${filler}>`)
  const all = [...tokens, ...controlTokens]
  return { tokens: all, merges, control: { endOfText: size - 3, start: size - 2, end: size - 1 } }
}

/** How byte-level BPE writes a byte in its files: https://github.com/openai/gpt-2/blob/master/src/encoder.py */
function byteText(byte: number): string {
  if (isPrintable(byte)) return String.fromCodePoint(byte)
  let unprintableBefore = 0
  for (let each = 0; each < byte; each++) if (!isPrintable(each)) unprintableBefore++
  return String.fromCodePoint(0x100 + unprintableBefore)
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
}
