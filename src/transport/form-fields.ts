// https://www.rfc-editor.org/rfc/rfc7578 in the framing of https://www.rfc-editor.org/rfc/rfc2046#section-5.1
import { InferloomError } from '../canonical/errors.ts'

/** A short field of a form, and where its value is in the bytes. */
export interface FormField {
  readonly value: string
  readonly start: number
  readonly end: number
}

const mostParts = 200
const mostHeadBytes = 8192
const mostValueBytes = 1000

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const endOfHead = Buffer.from('\r\n\r\n')
const parameter = /\s*;\s*([\w*-]+)=(?:"([^"\\]*)"|([^\s";\\]+))/g
const parameters = /^(?:\s*;\s*[\w*-]+=(?:"[^"\\]*"|[^\s";\\]+))*\s*;?\s*$/
const boundaryLike = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/
const headerLine = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([^\r\n\0]*)$/

/**
 * Finds fields of a `multipart/form-data` body and makes nothing of the rest, however large. It is strict, so that no
 * other reader can find another value: what could be read in two ways is refused.
 *
 * @example formFields(body, 'multipart/form-data; boundary=x', ['model']).get('model')?.value // 'whisper-1'
 */
export function formFields(body: Buffer, contentType: string, names: readonly string[]): Map<string, FormField> {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`, 'latin1')
  const fields = new Map<string, FormField>()
  let at = delimiter.length - 2
  if (!body.subarray(0, at).equals(delimiter.subarray(2))) throw malformed('does not begin with its boundary')
  for (let parts = 0; parts <= mostParts; parts++) {
    const next = body.toString('latin1', at, at + 2)
    if (next === '--') {
      if (body.length > at + 2 && body.toString('latin1', at + 2, at + 5) !== '\r\n')
        throw malformed('goes on behind its end')
      return fields
    }
    if (next !== '\r\n') throw malformed('has a boundary within a line')
    const headLength = body.subarray(at, at + mostHeadBytes).indexOf(endOfHead)
    if (headLength < 2) throw malformed('has a part without headers, or with too long ones')
    const start = at + headLength + endOfHead.length
    const end = body.indexOf(delimiter, start)
    if (end === -1) throw malformed('is cut')
    const name = nameOf(body.toString('latin1', at + 2, at + headLength))
    if (names.includes(name)) {
      if (fields.has(name)) throw invalid(name, 'is there twice. Remedy: send it once')
      fields.set(name, { value: valueOf(name, body.subarray(start, end)), start, end })
    }
    at = end + delimiter.length
  }
  throw malformed(`has more than ${mostParts} parts`)
}

function boundaryOf(contentType: string): string {
  const rest = contentType.replace(/^multipart\/form-data/i, '')
  const boundaries = parametersOf(rest).filter(([name]) => name === 'boundary')
  const [boundary] = boundaries
  if (!boundary || boundaries.length > 1 || !boundaryLike.test(boundary[1])) {
    throw malformed('has no valid boundary in its content-type')
  }
  return boundary[1]
}

function parametersOf(text: string): (readonly [name: string, value: string])[] {
  if (!parameters.test(text)) throw malformed('has a header that can be read in several ways')
  return Array.from(text.matchAll(parameter), ([, name = '', quoted, token = '']) => [
    name.toLowerCase(),
    quoted ?? token,
  ])
}

/** Of a part, by its headers. */
function nameOf(head: string): string {
  const headers = head.split('\r\n').map((line) => headerLine.exec(line) ?? [])
  if (headers.some(([line]) => line === undefined)) throw malformed('has a part with a header that is none')
  const valuesOf = (wanted: string) =>
    headers.flatMap(([, name = '', value = '']) => (name.toLowerCase() === wanted ? [value] : []))
  const [disposition, second] = valuesOf('content-disposition')
  if (disposition === undefined || second !== undefined || !/^form-data\s*;/i.test(disposition)) {
    throw malformed('has a part that is no form-data')
  }
  const named = parametersOf(disposition.slice('form-data'.length)).filter(([name]) => /^name\b/.test(name))
  const [name] = named
  if (!name || named.length > 1 || name[0] !== 'name') throw malformed('has a part without a name, or with several')
  const encodings = valuesOf('content-transfer-encoding')
  if (encodings.some((each) => !/^(7bit|8bit|binary)$/i.test(each.trim()))) {
    throw malformed('has a part with a content-transfer-encoding, which forms must not have')
  }
  return name[1]
}

function valueOf(name: string, bytes: Buffer): string {
  if (bytes.length > mostValueBytes) throw invalid(name, `has more than ${mostValueBytes} bytes`)
  let value: string
  try {
    value = utf8.decode(bytes)
  } catch {
    throw invalid(name, 'is not UTF-8')
  }
  if (/\p{Cc}/u.test(value)) throw invalid(name, 'holds control characters')
  return value
}

function malformed(what: string): InferloomError {
  const message = `The form ${what}. Remedy: send multipart/form-data as RFC 7578 says it; HTTP clients do.`
  return new InferloomError('invalid_value', message)
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
