import { choice, classOf, nothing, optional, sequence, text, type Expression } from './expression.ts'

const digit = classOf('09')
const hex = classOf('09', 'af', 'AF')
const alphanumeric = classOf('az', 'AZ', '09')
const letter = classOf('az', 'AZ')

function times(item: Expression, min: number, max = min): Expression {
  return { kind: 'repeat', item, min, max }
}

/** Two digits between `from` and `to`, as `1-12` in `01`…`12`. */
function twoDigits(from: number, to: number): Expression {
  const texts = Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`.padStart(2, '0'))
  const byTens = Map.groupBy(texts, (each) => each[0] ?? '')
  return choice(
    ...[...byTens].map(([tens, group]) =>
      sequence(text(tens), classOf(`${group[0]?.[1] ?? ''}${group.at(-1)?.[1] ?? ''}`)),
    ),
  )
}

function date(): Expression {
  const day = (month: Expression, days: number) => sequence(text('-'), month, text('-'), twoDigits(1, days))
  const month31 = choice(sequence(text('0'), classOf('1', '3', '5', '7', '8')), sequence(text('1'), classOf('0', '2')))
  const month30 = choice(sequence(text('0'), classOf('4', '6', '9')), text('11'))
  const inAnyYear = choice(day(month31, 31), day(month30, 30), day(text('02'), 28))
  const fourths = choice(
    sequence(classOf('0', '2', '4', '6', '8'), classOf('0', '4', '8')),
    sequence(classOf('1', '3', '5', '7', '9'), classOf('2', '6')),
  )
  const fourthsButHundreds = choice(
    sequence(text('0'), classOf('4', '8')),
    sequence(classOf('2', '4', '6', '8'), classOf('0', '4', '8')),
    sequence(classOf('1', '3', '5', '7', '9'), classOf('2', '6')),
  )
  const leapYear = choice(sequence(times(digit, 2), fourthsButHundreds), sequence(fourths, text('00')))
  return choice(sequence(times(digit, 4), inAnyYear), sequence(leapYear, text('-02-29')))
}

/** RFC 3339, without leap seconds. */
function time(): Expression {
  const clock = sequence(twoDigits(0, 23), text(':'), twoDigits(0, 59))
  const fraction = optional(sequence(text('.'), times(digit, 1, 9)))
  const offset = choice(text('Z'), sequence(classOf('+', '-'), clock))
  return sequence(clock, text(':'), twoDigits(0, 59), fraction, offset)
}

/** ISO 8601 as RFC 3339's appendix A writes it. */
function duration(): Expression {
  const part = (unit: string) => sequence(times(digit, 1, 6), text(unit))
  const run = (units: readonly string[]): Expression => {
    const [first = '', ...rest] = units
    return rest.length === 0 ? part(first) : sequence(part(first), optional(run(rest)))
  }
  const runs = (units: readonly string[]) => choice(...units.map((_, index) => run(units.slice(index))))
  const clock = sequence(text('T'), runs(['H', 'M', 'S']))
  return sequence(text('P'), choice(part('W'), clock, sequence(runs(['Y', 'M', 'D']), optional(clock))))
}

function uuid(): Expression {
  const groups = [8, 4, 4, 4, 12].map((count) => times(hex, count))
  return sequence(...groups.flatMap((group, index) => (index === 0 ? [group] : [text('-'), group])))
}

function ipv4(): Expression {
  const octet = choice(
    digit,
    sequence(classOf('19'), digit),
    sequence(text('1'), times(digit, 2)),
    sequence(text('2'), classOf('04'), digit),
    sequence(text('25'), classOf('05')),
  )
  return sequence(octet, times(sequence(text('.'), octet), 3))
}

function ipv6(): Expression {
  const group = times(hex, 1, 4)
  const groups = (count: number) => sequence(group, times(sequence(text(':'), group), count - 1))
  const upTo = (count: number) => optional(sequence(group, times(sequence(text(':'), group), 0, count - 1)))
  const shortened = [0, 1, 2, 3, 4, 5, 6].map((left) =>
    sequence(left === 0 ? nothing : left === 1 ? group : groups(left), text('::'), upTo(7 - left)),
  )
  return choice(groups(8), ...shortened)
}

function hostname(): Expression {
  const label = sequence(times(alphanumeric, 1, 20), times(sequence(text('-'), times(alphanumeric, 1, 20)), 0, 2))
  return sequence(label, times(sequence(text('.'), label), 0, 3))
}

/** Addresses of the usual form, within the lengths of RFC 5321; quoted local parts are left out. */
function email(): Expression {
  const atom = classOf('az', 'AZ', '09', '_', '+', '-')
  const local = sequence(times(atom, 1, 30), times(sequence(text('.'), times(atom, 1, 15)), 0, 2))
  return sequence(local, text('@'), hostname(), text('.'), times(letter, 2, 20))
}

/** Addresses with a host, as `https://example.com/path?query#part`. */
function uri(): Expression {
  const scheme = sequence(classOf('az'), times(classOf('az', '09', '+', '-', '.'), 0, 14))
  const escaped = sequence(text('%'), times(hex, 2))
  const inPath = choice(
    classOf('az', 'AZ', '09', '-', '.', '_', '~', '!', '$', '&', "'", '(', ')', '*', '+', ',', ';', '=', ':', '@', '/'),
    escaped,
  )
  const inQuery = choice(inPath, text('?'))
  const port = optional(sequence(text(':'), times(digit, 1, 4)))
  const path = optional(sequence(text('/'), times(inPath, 0, 400)))
  const query = optional(sequence(text('?'), times(inQuery, 0, 400)))
  const fragment = optional(sequence(text('#'), times(inQuery, 0, 100)))
  return sequence(scheme, text('://'), hostname(), port, path, query, fragment)
}

/** JSON Schema's formats that a grammar can keep exactly; none of them needs an escape inside a JSON string. */
export const stringFormats: Readonly<Record<string, () => Expression>> = {
  date,
  time,
  'date-time': () => sequence(date(), text('T'), time()),
  duration,
  uuid,
  ipv4,
  ipv6,
  hostname,
  email,
  uri,
}
