import { expect, test } from 'vitest'
import { geminiBatchEmbed, geminiEmbed } from './parse.ts'

const params = { model: 'm' }
const content = { parts: [{ text: 'a' }] }

test('a task type says what the vector is for, in either spelling', () => {
  const one = (task: object) => geminiEmbed.parse({ content, ...task }, params).request
  expect(one({ taskType: 'RETRIEVAL_QUERY' })).toEqual({ model: 'm', inputs: ['a'], purpose: 'query' })
  expect(one({ task_type: 'CODE_RETRIEVAL_QUERY' })).toMatchObject({ purpose: 'code-query' })
  expect(one({ taskType: 'TASK_TYPE_UNSPECIFIED' })).toEqual({ model: 'm', inputs: ['a'] })
  expect(() => one({ taskType: 'FUN' })).toThrow(expect.objectContaining({ param: 'taskType' }))
})

test('a batch has one task type', () => {
  const batch = (...tasks: readonly object[]) =>
    geminiBatchEmbed.parse({ requests: tasks.map((task) => ({ content, ...task })) }, params).request
  const clustering = { taskType: 'CLUSTERING', outputDimensionality: 3 }
  expect(batch(clustering, clustering)).toEqual({
    model: 'm',
    inputs: ['a', 'a'],
    dimensions: 3,
    purpose: 'clustering',
  })
  expect(() => batch(clustering, { ...clustering, taskType: 'CLASSIFICATION' })).toThrow(
    expect.objectContaining({ param: 'requests[1].taskType' }),
  )
  expect(() => batch(clustering, { taskType: 'CLUSTERING' })).toThrow(
    expect.objectContaining({ param: 'requests[1].outputDimensionality' }),
  )
})
