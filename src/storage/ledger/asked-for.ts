type Body = Readonly<Record<string, unknown>>

/** Content that is no text, by how the wires call the part that holds it. */
const partKinds: ReadonlyMap<unknown, string> = new Map([
  ['image', 'images'],
  ['image_url', 'images'],
  ['input_image', 'images'],
  ['input_audio', 'audio'],
  ['audio', 'audio'],
  ['file', 'files'],
  ['input_file', 'files'],
  ['document', 'files'],
])

/** Parts that are looked at: no body makes this take long. */
const mostParts = 10_000

/** What a request needs of whoever is to answer it, by name and in order; empty where text is enough. */
export function askedFor(body: Body): string {
  const found = new Set<string>()
  const options = optionsOf(body)
  if (isFilled(body['tools']) || isFilled(body['functions'])) found.add('tools')
  const format = formatOf(body, options)
  if (format !== undefined) found.add(format)
  if (isSet(body['logprobs']) || isSet(options['responseLogprobs'])) found.add('logprobs')
  if ([body['reasoning_effort'], body['reasoning'], body['thinking'], options['thinkingConfig']].some(isSet))
    found.add('reasoning')
  if (Number(body['n'] ?? options['candidateCount'] ?? 1) > 1) found.add('choices')
  if (isSet(body['grammar'])) found.add('grammar')
  addParts(body, found)
  return [...found].sort().join(',')
}

/** How likely the same request is to have the same answer. */
export function determinismOf(body: Body): 'greedy' | 'seeded' | 'sampled' {
  const options = optionsOf(body)
  const given = (name: string, camel = name) => body[name] ?? options[camel]
  if (given('temperature') === 0 || given('top_k', 'topK') === 1) return 'greedy'
  return typeof given('seed') === 'number' ? 'seeded' : 'sampled'
}

function formatOf(body: Body, options: Body): 'json' | 'json-schema' | undefined {
  const text = recordOf(body['text'])['format']
  const output = recordOf(body['output_config'])['format'] ?? body['output_format']
  const type = recordOf(body['response_format'] ?? text ?? output)['type']
  if (type === 'json_schema' || isSet(options['responseSchema'] ?? options['responseJsonSchema'])) return 'json-schema'
  return type === 'json_object' || options['responseMimeType'] === 'application/json' ? 'json' : undefined
}

function addParts(body: Body, found: Set<string>): void {
  let left = mostParts
  for (const message of [body['messages'], body['input'], body['contents']].flatMap(listOf)) {
    const { content, parts } = recordOf(message)
    for (const part of [...listOf(content), ...listOf(parts)]) {
      if (left-- <= 0) return
      const { type, inlineData, fileData } = recordOf(part)
      const kind = partKinds.get(type) ?? kindOfData(recordOf(inlineData ?? fileData)['mimeType'])
      if (kind !== undefined) found.add(kind)
    }
  }
}

function kindOfData(type: unknown): string | undefined {
  if (typeof type !== 'string') return undefined
  if (type.startsWith('image/')) return 'images'
  return type.startsWith('audio/') ? 'audio' : 'files'
}

function optionsOf(body: Body): Body {
  return recordOf(body['generationConfig'] ?? body['generation_config'])
}

function recordOf(value: unknown): Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 'none'
}
