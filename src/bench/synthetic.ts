import type { Calibration } from './calibrate.ts'
import type { Lengths } from './lengths.ts'
import type { BenchRequest } from './request.ts'

/** Where requests come from. */
export interface Workload {
  /** For the report. */
  readonly about: string
  next(): BenchRequest
}

export interface SyntheticOptions {
  readonly prompt: Lengths
  readonly output: Lengths
  /** Share of each prompt that is the same in all, from 0 to 1. */
  readonly sharedPrefix: number
  readonly random: () => number
  readonly calibration: Calibration
}

const vocabulary =
  `time year people way day man thing woman life child world school state family student group country problem hand part
  place case week company system program question work government number night point home water room mother area money
  story fact month lot right study book eye job word business issue side kind head house service friend father power
  hour game line end member law car city community name president team minute idea kid body information back parent
  face others level office door health person art war history party result change morning reason research girl guy
  moment air teacher force education foot boy age policy music market sense nation plan college interest death
  experience effect use class control field development role effort rate heart drug show leader light voice wife police
  mind price report decision son view relationship town road drive arm difference value building action season society
  tax director position player record paper space ground form support event official matter center couple site project
  activity star table need court oil situation cost industry figure street image phone data picture practice piece land
  product doctor wall patient worker news test movie north love step green river stone garden letter window`
    .trim()
    .split(/\s+/)

/** Asks for many words where nothing else keeps a model writing. */
const request = 'Write a long text about these words.'

/** Prompts of random words, each different from the first word after the shared prefix on, so that no cache knows them. */
export function syntheticWorkload(options: SyntheticOptions): Workload {
  const { prompt, output, sharedPrefix, random, calibration } = options
  const asksForMore = calibration.manner.keepWriting === undefined
  // All requests take the beginning of one text, as long as their share says.
  const shared: string[] = []
  return {
    about: `synthetic: prompt ${prompt.text} tokens, output ${output.text} tokens, ${Math.round(sharedPrefix * 100)} % shared`,
    next: () => {
      const words = wordsFor(prompt.draw(random), calibration, asksForMore)
      const sharedWords = Math.floor(words * sharedPrefix)
      while (shared.length < sharedWords) shared.push(randomWord(random))
      const own = Array.from({ length: words - sharedWords }, () => randomWord(random))
      const text = [...shared.slice(0, sharedWords), ...own].join(' ')
      return {
        messages: [{ role: 'user', content: asksForMore ? `${text}\n\n${request}` : text }],
        maxTokens: Math.max(1, output.draw(random)),
        keepWriting: true,
      }
    },
  }
}

/** A prompt of so many words, for calibration. */
export function randomText(words: number, random: () => number): string {
  return Array.from({ length: words }, () => randomWord(random)).join(' ')
}

function wordsFor(tokens: number, { tokensPerWord, overheadTokens }: Calibration, asksForMore: boolean): number {
  const taken = asksForMore ? request.split(' ').length : 0
  return Math.max(1, Math.round((tokens - overheadTokens) / tokensPerWord) - taken)
}

function randomWord(random: () => number): string {
  return vocabulary[Math.floor(random() * vocabulary.length)] ?? ''
}
