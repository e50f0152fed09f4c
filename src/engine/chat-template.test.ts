// Templates cut down to the lines in which they differ; each names the model it was taken from.
import { describe, expect, test } from 'vitest'
import type { Message, Tool } from '../canonical/request.ts'
import { ChatTemplate } from './chat-template.ts'
import type { LoadedModelInfo } from './protocol.ts'
import { tokenBreak } from './tokenizer.ts'

function templateOf(chatTemplate: string): ChatTemplate {
  const info = { chatTemplate, bosText: '<s>', eosText: '</s>', addsBos: true, controlTexts: ['<|end|>'] }
  return new ChatTemplate(info as unknown as LoadedModelInfo, 'test.gguf')
}

const written = '{"city":"Paris" }'
const call = { id: 'call_0123456789abcdef', name: 'get_time', arguments: written }
const conversation: Message[] = [
  { role: 'user', content: 'What time is it?' },
  { role: 'assistant', content: '', toolCalls: [call] },
  { role: 'tool', content: '12:00', toolCallId: call.id },
]
const rendered = (template: string, messages = conversation) => templateOf(template).render(messages).text

describe('a tool call of an earlier turn is shown', () => {
  test.each([
    // https://huggingface.co/Qwen/Qwen2.5-7B-Instruct
    [
      'as the text that the model wrote, where the template takes text',
      '{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson if c.function.arguments is mapping else c.function.arguments }} {{ c.function.name }}{% endfor %}{% endfor %}',
      `${written} get_time`,
    ],
    // https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct
    [
      'as an object, where the template makes JSON of it',
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name ~ ' ' ~ (c.function.arguments | tojson) }}{% endfor %}{% endfor %}",
      'get_time {"city": "Paris"}',
    ],
    // https://huggingface.co/deepseek-ai/DeepSeek-R1
    [
      'with no content, where the template shows calls only beside none',
      '{% for m in messages %}{% if m.content is none %}{% for c in m.tool_calls %}{{ c.function.name ~ c.function.arguments }}{% endfor %}{% endif %}{% endfor %}',
      `get_time${written}`,
    ],
    // https://huggingface.co/mistralai/Mistral-Nemo-Instruct-2407
    [
      'with an id of nine characters, where only those will do',
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id|length != 9 %}{{ raise_exception('length 9!') }}{% endif %}{{ c.id ~ c.function.name ~ c.function.arguments }}{% endfor %}{% if m.tool_call_id is defined %} {{ m.tool_call_id ~ m.name }}{% endif %}{% endfor %}",
      `789abcdefget_time${written} 789abcdefget_time`,
    ],
  ])('%s', (_, template, expected) => {
    expect(rendered(template)).toBe(expected)
  })

  test('and arguments that are no JSON as they are', () => {
    const broken = conversation.map((message) =>
      message.toolCalls ? { ...message, toolCalls: [{ ...call, arguments: '{oh' }] } : message,
    )
    const template =
      '{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name ~ (c.function.arguments | tojson) }}{% endfor %}{% endfor %}'
    expect(rendered(template, broken)).toBe('get_time"{oh"')
  })
})

test('arguments that nest without end are refused', () => {
  const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`
  const messages = conversation.map((message) =>
    message.toolCalls ? { ...message, toolCalls: [{ ...call, arguments: deep }] } : message,
  )
  const template =
    '{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name ~ (c.function.arguments | tojson) }}{% endfor %}{% endfor %}'
  expect(() => rendered(template, messages)).toThrow(
    expect.objectContaining({ code: 'invalid_value', param: 'messages' }),
  )
})

describe('tools', () => {
  const tool: Tool = { name: 'f', description: 'say <|end|>', parameters: { properties: { '<|end|>': {} } } }

  test('are given as the template wants them, and stay text', () => {
    const { text } = templateOf('{% for t in tools %}{{ t | tojson }}{% endfor %}').render([], { tools: [tool] })
    const broken = `<${tokenBreak}|end|>`
    const { function: given } = JSON.parse(text) as {
      function: { description: string; parameters: { properties: object } }
    }
    expect(given.description).toBe(`say ${broken}`)
    expect(Object.keys(given.parameters.properties)).toEqual([broken])
  })

  test('are told in words where the template has no place for them', () => {
    const template = templateOf('{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}')
    const messages: Message[] = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'x' },
    ]
    expect(template.toolFormat.name).toBe('json')
    expect(template.render(messages, { tools: [tool] }).text).toMatch(
      /^\[system: Be brief\.\n\n.*"name":"f".*\]\[user: x\]$/s,
    )
    expect(template.render(messages, { tools: [tool], toolChoice: 'none' }).text).toBe('[system: Be brief.][user: x]')
  })
})

describe('reasoning', () => {
  // https://huggingface.co/Qwen/Qwen3-8B
  const qwen =
    '{% for m in messages %}{{ m.reasoning_content }}|{{ m.content }}{% endfor %}{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}'
  // https://huggingface.co/openai/gpt-oss-20b
  const harmony = '{% for m in messages %}{{ m.thinking }}{% endfor %}<|channel|>{{ reasoning_effort }}'
  const thought: Message[] = [{ role: 'assistant', content: 'b', reasoning: 'a' }]

  test('is known to have begun by how the prompt ends', () => {
    expect(templateOf(qwen).render([]).reasoningBegun).toBe(true)
    expect(templateOf(qwen).render([], { reasoningEffort: 'none' }).reasoningBegun).toBe(false)
    expect(templateOf(qwen).render([], { templateVariables: { enable_thinking: false } }).reasoningBegun).toBe(false)
  })

  test('of an earlier turn is given by the name that the template reads', () => {
    expect(rendered(qwen, thought)).toMatch(/^a\|b/)
    expect(rendered(harmony, thought)).toMatch(/^a</)
  })

  test('effort is passed on, and refused where the template does not read it', () => {
    expect(templateOf(harmony).render(thought, { reasoningEffort: 'xhigh' }).text).toBe('a<|channel|>high')
    const none = templateOf('{{ messages[0].content }}')
    expect(none.render(thought, { reasoningEffort: 'none' }).text).toBe('b')
    expect(() => none.render(thought, { reasoningEffort: 'low' })).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param: 'reasoning_effort' }),
    )
  })
})

test('verbosity is passed on, and refused where the template does not read it and it is not the usual one', () => {
  const asked: Message[] = [{ role: 'user', content: 'x' }]
  expect(templateOf('{{ verbosity }}').render(asked, { verbosity: 'low' }).text).toBe('low')
  const none = templateOf('{{ messages[0].content }}')
  expect(none.render(asked, { verbosity: 'medium' }).text).toBe('x')
  expect(() => none.render(asked, { verbosity: 'low' })).toThrow(
    expect.objectContaining({ code: 'unsupported_parameter', param: 'verbosity' }),
  )
})

test('an image is refused by its place', () => {
  const messages: Message[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'x' },
        { type: 'image', url: 'data:' },
      ],
    },
  ]
  expect(() => rendered('{{ messages }}', messages)).toThrow(
    expect.objectContaining({ code: 'unsupported_parameter', param: 'messages[0].content[1]' }),
  )
})
