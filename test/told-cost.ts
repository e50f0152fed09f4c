/** An answer without the cost that was put into it, to be compared with what its provider sent. */
export function withoutCost(text: string): string {
  return text.replace(/"cost":(?:"unknown"|\d[\d.e-]*),?/g, '')
}
