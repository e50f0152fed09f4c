import koffi from 'koffi'

const pollIn = 1 // POLLIN, the same on Linux and macOS

/**
 * Makes a question that takes less than a microsecond: whether anything can be read from a file descriptor. A turn of the
 * event loop would find that out as well, and takes much longer.
 */
export function readableNow(descriptor: number | undefined): () => boolean {
  if (descriptor === undefined || process.platform === 'win32') return () => true
  const poll = koffi.load(null).func('int poll(void *fds, unsigned long count, int timeout)') as (
    fds: Uint8Array,
    count: number,
    timeout: number,
  ) => number
  // struct pollfd { int fd; short events; short revents }
  const fds = new ArrayBuffer(8)
  new Int32Array(fds)[0] = descriptor
  new Int16Array(fds)[2] = pollIn
  const memory = new Uint8Array(fds)
  return () => poll(memory, 1, 0) !== 0
}
