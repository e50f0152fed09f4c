import { generateText, isStepCount, jsonSchema, streamText, tool } from 'ai'
import { expect } from 'vitest'

type Ask = Pick<Parameters<typeof generateText>[0], 'model' | 'temperature' | 'maxRetries' | 'maxOutputTokens'>

/** Asks for the weather, runs the tool that is called, and answers with its result: whole and streamed alike. */
export async function runToolLoop(ask: Ask): Promise<void> {
  const asked: string[] = []
  const getWeather = tool({
    description: 'Get the weather in a city',
    inputSchema: jsonSchema<{ city: string }>({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    }),
    execute: ({ city }) => {
      asked.push(city)
      return { temperature: 21, sky: 'sunny' }
    },
  })
  const question = {
    ...ask,
    prompt: 'What is the weather in Paris?',
    tools: { get_weather: getWeather },
    stopWhen: isStepCount(2),
  }
  const whole = await generateText(question)
  expect(whole.steps[0]?.finishReason).toBe('tool-calls')
  expect(whole.steps).toHaveLength(2)
  const streamed = streamText(question)
  await streamed.consumeStream()
  const steps = await streamed.steps
  expect(steps.map(({ text }) => text)).toEqual(whole.steps.map(({ text }) => text))
  expect(asked).toEqual(['Paris', 'Paris'])
}
