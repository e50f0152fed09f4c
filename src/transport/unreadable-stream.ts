/** Bytes that are not what their framing allows. Who sent them is known to the caller, who says it. */
export class UnreadableStream extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'UnreadableStream'
  }
}
