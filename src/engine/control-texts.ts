import { tokenBreak } from './tokenizer.ts'

/** Makes a function that keeps what a user wrote text, also where it spells a control token such as `<|im_end|>`. */
export function plainTextOf(controlTexts: readonly string[]): (text: string) => string {
  const longestFirst = [...controlTexts].sort((a, b) => b.length - a.length)
  const controls =
    longestFirst.length === 0 ? undefined : new RegExp(longestFirst.map((text) => RegExp.escape(text)).join('|'), 'g')
  return (written) => {
    const text = written.replaceAll(tokenBreak, '\u{FFFD}')
    if (!controls) return text
    return text.replace(controls, (control) => control.slice(0, 1) + tokenBreak + control.slice(1))
  }
}
