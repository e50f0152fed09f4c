import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formFields } from './form-fields.ts'

async function formOf(fields: readonly (readonly [string, string | Blob])[]) {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  const request = new Response(form)
  return { type: request.headers.get('content-type') ?? '', body: Buffer.from(await request.arrayBuffer()) }
}

const written = (lines: readonly string[]) => Buffer.from(lines.join('\r\n'))
const type = 'multipart/form-data; boundary=b'
const part = (value: string, name = 'name="model"', ...more: readonly string[]) => [
  '--b',
  `Content-Disposition: form-data; ${name}`,
  ...more,
  '',
  value,
]
const modelIn = (lines: readonly string[], contentType = type) =>
  formFields(written(lines), contentType, ['model']).get('model')?.value

test('a field is found where Node’s own form has put it, whatever stands around it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 })), { maxLength: 5 }),
      fc.array(fc.tuple(fc.stringMatching(/^[\w[\] ]{1,20}$/), fc.string()), { maxLength: 5 }),
      fc.stringMatching(/^[\w/.:é-]{0,50}$/),
      async (files, texts, model) => {
        const others = texts.filter(([name]) => name !== 'model')
        const { type, body } = await formOf([
          ...files.map(([, bytes]) => ['file', new Blob([bytes])] as const),
          ['model', model],
          ...others,
        ])
        const found = formFields(body, type, ['model']).get('model')
        expect(found?.value).toBe(model)
        expect(body.subarray(found?.start, found?.end).toString()).toBe(model)
      },
    ),
  )
})

test('a form that was damaged is refused, or read as Node reads it', async () => {
  const { type, body } = await formOf([
    ['file', new Blob(['\r\n--x'])],
    ['model', 'up/m'],
    ['prompt', 'p'],
  ])
  await fc.assert(
    fc.asyncProperty(
      fc.nat(body.length - 1),
      fc.nat(8),
      fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc.constantFrom('\r\n', '"', ';', '=', '--', 'name="model"', ':').map((text) => Buffer.from(text)),
      ),
      async (at, removed, added) => {
        const damaged = Buffer.concat([body.subarray(0, at), added, body.subarray(at + removed)])
        let model: string | undefined
        try {
          model = formFields(damaged, type, ['model']).get('model')?.value
        } catch {
          return
        }
        const read = await new Response(damaged, { headers: { 'content-type': type } })
          .formData()
          .catch(() => undefined)
        if (read) expect(read.getAll('model')).toEqual(model === undefined ? [] : [model])
      },
    ),
    { numRuns: 2000 },
  )
})

test('what clients send is read: quoted boundaries, names without quotes, other cases, a type of its own', () => {
  expect(modelIn([...part('m'), '--b--', ''])).toBe('m')
  expect(modelIn([...part('m'), '--b--'], 'Multipart/Form-Data; charset=utf-8; boundary="b"')).toBe('m')
  expect(modelIn([...part('m', 'name=model', 'content-type: text/plain'), '--b--'])).toBe('m')
  expect(modelIn([...part(''), '--b--'])).toBe('')
  expect(
    modelIn([...part('x', 'name="file"; filename="a.wav"; filename*=utf-8\'\'b.wav'), ...part('m'), '--b--']),
  ).toBe('m')
  expect(modelIn(['--b--'])).toBeUndefined()
})

test.each([
  ['two of them', [...part('a'), ...part('b'), '--b--']],
  ['a name with escapes', [...part('a', 'name="mod\\el"'), '--b--']],
  ['an encoded name', [...part('a', "name*=utf-8''model"), '--b--']],
  ['two names', [...part('a', 'name="x"; name="model"'), '--b--']],
  ['two dispositions', [...part('a', 'name="x"', 'Content-Disposition: form-data; name="model"'), '--b--']],
  ['a folded header', [...part('a', 'name="x";', ' name="model"'), '--b--']],
  ['a lone line feed in a header', [...part('a', 'name="x"', 'a: b\nc: d'), '--b--']],
  ['an encoded value', [...part('YQ==', 'name="model"', 'Content-Transfer-Encoding: base64'), '--b--']],
  ['a boundary that goes on', [...part('a'), '--bc', ...part('d'), '--b--']],
  ['spaces behind a boundary', ['--b ', ...part('a').slice(1), '--b--']],
  ['something before it', ['', ...part('a'), '--b--']],
  ['something behind it', [...part('a'), '--b--', '', ...part('b')]],
  ['no end', part('a')],
  ['a line break in the value', [...part('a\r\nb'), '--b--']],
  ['a value that is too long', [...part('a'.repeat(1001)), '--b--']],
  ['no headers', ['--b', '', 'a', '--b--']],
  ['headers without end', [...part('a', 'name="x"', `x: ${'y'.repeat(10_000)}`), '--b--']],
  ['too many parts', [...Array.from({ length: 201 }, () => part('a', 'name="x"')).flat(), '--b--']],
])('%s is refused', (_, lines) => {
  expect(() => modelIn(lines)).toThrow(expect.objectContaining({ code: 'invalid_value' }))
})

test.each([
  'multipart/form-data',
  `${type}; boundary=c`,
  'multipart/form-data; boundary=',
  `multipart/form-data; boundary=${'b'.repeat(71)}`,
])('a content-type without one valid boundary is refused: %s', (contentType) => {
  expect(() => modelIn([...part('a'), '--b--'], contentType)).toThrow(/boundary|several ways/)
})
