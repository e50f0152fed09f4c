import { expect, test } from 'vitest'
import { inabilitiesOf } from './model-abilities.ts'

test.each([
  'gpt-3.5-turbo',
  'gpt-4',
  'gpt-4-0613',
  'openai/gpt-oss-120b',
  'o3-mini',
  'deepseek-chat',
  'deepseek/deepseek-r1-0528',
  'meta-llama/Llama-3.3-70B-Instruct',
  'llama-3.1-8b-instant',
  'meta-llama/llama-3.2-3b-instruct',
  'llama3.1:8b',
  'mistralai/mixtral-8x7b-instruct',
  'codestral-2508',
  'command-r-plus',
  'qwen/qwen3-32b',
  'Qwen2.5-Coder-32B-Instruct',
  'moonshotai/kimi-k2-instruct',
  'gemma-2-9b-it',
  'glm-4.5-air',
])('%s sees nothing', (model) => {
  expect(inabilitiesOf(model)).toContain('images')
})

test.each([
  'gpt-4o',
  'gpt-4o-mini',
  'gpt-4.1-nano',
  'gpt-4-turbo',
  'gpt-4-vision-preview',
  'gpt-5-mini',
  'o1',
  'o3',
  'o4-mini',
  'claude-3-5-sonnet-20241022',
  'anthropic/claude-sonnet-4-5',
  'gemini-2.5-flash',
  'meta-llama/llama-4-maverick',
  'llama-3.2-90b-vision-preview',
  'llama3.2-vision:11b',
  'Qwen2.5-VL-72B-Instruct',
  'qwen3-vl-235b',
  'gemma-3-27b-it',
  'phi-3.5-vision-instruct',
  'pixtral-12b',
  'mistral-small-latest',
  'glm-4.5v',
  'loom-mini',
  'somebodys-own',
])('%s may see', (model) => {
  expect(inabilitiesOf(model)).not.toContain('images')
})

test('few hear, and few call no functions', () => {
  expect(inabilitiesOf('gpt-4o')).toEqual(['audio'])
  expect(inabilitiesOf('gpt-4o-audio-preview')).toEqual([])
  expect(inabilitiesOf('gemini-2.5-pro')).toEqual([])
  expect(inabilitiesOf('o1-mini')).toEqual(['images', 'audio', 'files', 'tools'])
  expect(inabilitiesOf('o1')).toEqual(['audio'])
})
