/**
 * The data of each event in a stream of server-sent events; comments and other fields are left out.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function* eventData(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let pending = ''
  let data: string[] = []
  for await (const bytes of stream) {
    pending += decoder.decode(bytes, { stream: true })
    // A CR at the very end may be the first half of CRLF.
    const complete = pending.endsWith('\r') ? pending.length - 1 : pending.length
    const lines = pending.slice(0, complete).split(/\r\n|\n|\r/)
    pending = (lines.pop() ?? '') + pending.slice(complete)
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      else if (line === '' && data.length > 0) {
        yield data.join('\n')
        data = []
      }
    }
  }
}
