import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import { flatName } from './namespaces.ts'
import { openaiResponses } from './parse.ts'

type Fields = Record<string, unknown>

const parse = (change: Fields) =>
  openaiResponses().parse({ model: 'm', input: 'x', ...change }, { model: 'm', stream: false })
const namesOf = (change: Fields) => (parse(change).request.tools ?? []).map(({ name }) => name)
const usage = { inputTokens: { total: 1, cacheRead: 0 }, outputTokens: { total: 1, reasoning: 0 } }
const answered = (change: Fields, events: readonly StreamEvent[]) => {
  const { writer } = parse(change)
  return JSON.parse(writer('0'.repeat(32)).whole([...events, { type: 'finish', usage }])) as {
    readonly output: readonly Fields[]
    readonly tools: readonly Fields[]
  }
}
const calling = (toolName: string, delta: string): readonly StreamEvent[] => [
  { type: 'tool-input-start', choiceIndex: 0, toolIndex: 0, id: 'c1', toolName },
  { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta },
  { type: 'tool-input-end', choiceIndex: 0, toolIndex: 0 },
  { type: 'text-end', choiceIndex: 0, finishReason: 'tool-calls' },
]

const shell = { type: 'function', name: 'exec_command', description: '', strict: false, parameters: { type: 'object' } }
const search = { type: 'web_search', external_web_access: false }
const files = {
  type: 'namespace',
  name: 'mcp__files',
  description: 'Files',
  tools: [
    { ...shell, name: 'read', defer_loading: true, allowed_callers: ['direct'], output_schema: { type: 'object' } },
    { type: 'custom', name: 'patch', description: '' },
  ],
}

describe('tools that a provider runs itself', () => {
  test('are left out where the model may do without, which the header says', () => {
    for (const choice of [{}, { tool_choice: 'auto' }, { tool_choice: 'none' }]) {
      const given = { tools: [shell, search, { type: 'image_generation', output_format: 'png' }], ...choice }
      expect(namesOf(given)).toEqual(['exec_command'])
      expect(parse(given).headers).toEqual({
        'x-inferloom-left-out': 'tools[1].type=web_search, tools[2].type=image_generation',
      })
      expect(answered(given, []).tools).toMatchObject([{ name: 'exec_command' }])
    }
    expect(parse({ tools: [shell] }).headers).toEqual({})
  })

  test('are refused where a call is demanded that may be meant for them', () => {
    const refused = (change: Fields, param: string) =>
      expect(() => parse(change)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
    refused({ tools: [shell, search], tool_choice: 'required' }, 'tools[1].type')
    refused({ tools: [shell, search], tool_choice: { type: 'web_search' } }, 'tool_choice.type')
    const allowed = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'web_search' }] }
    refused({ tools: [shell, search], tool_choice: allowed }, 'tool_choice.tools[0].type')
    expect(namesOf({ tools: [shell, search], tool_choice: { ...allowed, mode: 'auto' } })).toEqual([])
    expect(namesOf({ tools: [shell, search], tool_choice: { type: 'function', name: 'exec_command' } })).toHaveLength(1)
  })

  test.each(['file_search', 'mcp', 'code_interpreter', 'computer_use_preview', 'tool_search'])(
    'of type %s were set up on purpose, and are refused by name',
    (type) => {
      expect(() => parse({ tools: [shell, { type }] })).toThrow(expect.objectContaining({ param: 'tools[1].type' }))
    },
  )

  test('may have been called before: the call says nothing to another model', () => {
    const input = [
      { role: 'user', content: 'a' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'a' } },
      { role: 'assistant', content: 'b' },
    ]
    const { request, headers } = parse({ input })
    expect(request.input).toMatchObject({ messages: [{ content: 'a' }, { content: 'b' }] })
    expect(headers).toEqual({ 'x-inferloom-left-out': 'input[1].type=web_search_call' })
    const many = Array.from({ length: 50 }, () => input[1])
    const told = parse({ input: [input[0], ...many] }).headers?.['x-inferloom-left-out']
    expect(told).toMatch(/^input\[1\]\.type=web_search_call, .*, and 30 more$/)
  })
})

describe('namespaces', () => {
  test('become one name for the model, and are told apart again in its calls', () => {
    const given = { tools: [shell, files] }
    expect(namesOf(given)).toEqual(['exec_command', 'mcp__files__read', 'mcp__files__patch'])
    const [called] = answered(given, calling('mcp__files__read', '{}')).output
    expect(called).toMatchObject({ type: 'function_call', name: 'read', namespace: 'mcp__files', arguments: '{}' })
    const [custom] = answered(given, calling('mcp__files__patch', '{"input":"p"}')).output
    expect(custom).toMatchObject({ type: 'custom_tool_call', name: 'patch', namespace: 'mcp__files', input: 'p' })
    const [plain] = answered(given, calling('exec_command', '{}')).output
    expect(plain).toMatchObject({ type: 'function_call', name: 'exec_command' })
    expect(plain).not.toHaveProperty('namespace')
  })

  test('of calls that are sent back make the same names', () => {
    const [called] = answered({ tools: [files] }, calling('mcp__files__read', '{}')).output
    const result = { type: 'function_call_output', call_id: 'c1', output: 'text', namespace: 'mcp__files' }
    const { request } = parse({ tools: [files], input: [{ role: 'user', content: 'a' }, called, result] })
    expect(request.input).toMatchObject({
      messages: [{ role: 'user' }, { toolCalls: [{ name: 'mcp__files__read' }] }, { role: 'tool', toolCallId: 'c1' }],
    })
  })

  test('may be chosen as a whole, or one of their functions', () => {
    const allowed = (tool: Fields) => ({ type: 'allowed_tools', mode: 'auto', tools: [tool] })
    const given = { tools: [shell, files] }
    expect(namesOf({ ...given, tool_choice: allowed({ type: 'namespace', name: 'mcp__files' }) })).toHaveLength(2)
    expect(namesOf({ ...given, tool_choice: allowed({ type: 'function', name: 'read' }) })).toEqual([
      'mcp__files__read',
    ])
    const { request } = parse({ ...given, tool_choice: { type: 'function', name: 'read' } })
    expect(request.toolChoice).toEqual({ name: 'mcp__files__read' })
  })

  test('named `functions` are none', () => {
    const given = { tools: [{ ...files, name: 'functions' }] }
    expect(namesOf(given)).toEqual(['read', 'patch'])
    expect(answered(given, calling('read', '{}')).output[0]).not.toHaveProperty('namespace')
  })

  test('stay within the 64 characters that every provider takes, and names stay apart', () => {
    const namespace = `mcp__${'n'.repeat(60)}`
    const [one, other] = ['a', 'b'].map((name) => flatName({ namespace, name }))
    expect(one).toHaveLength(64)
    expect(one).not.toBe(other)
    expect(flatName({ namespace: 'mcp__files__', name: 'read' })).toBe('mcp__files__read')
  })

  test('cannot make two tools of one name', () => {
    const twin = { ...shell, name: 'mcp__files__read' }
    expect(() => parse({ tools: [twin, files] })).toThrow(expect.objectContaining({ param: 'tools[1].tools[0].name' }))
  })
})
