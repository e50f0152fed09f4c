/** What an answer is made of once its markup is understood, in pieces as they come. */
export type AnswerPart =
  | { readonly type: 'text' | 'reasoning'; readonly text: string; readonly end: number }
  | { readonly type: 'call-start'; readonly name: string; readonly end: number }
  | { readonly type: 'call-arguments'; readonly text: string; readonly end: number }
  /** `end` is how many characters of the answer had been read by then. */
  | { readonly type: 'call-end'; readonly end: number }
