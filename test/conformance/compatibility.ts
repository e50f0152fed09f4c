// Writes docs/compatibility.md from what the tests beside this file hold to be true.
import type { Provider } from '../../src/providers/provider.ts'
import { providerKinds } from '../../src/providers/registry.ts'
import { answerFeatures } from './answer-features.ts'
import {
  answerGapsOfDialects,
  answerGapsOfWires,
  gapIn,
  requestGapsOfDialects,
  requestGapsOfWires,
  type Gap,
} from './gaps.ts'
import { requestFeatures } from './request-features.ts'

interface Column {
  readonly id: string
  readonly title: string
}

interface Row {
  readonly id: string
  readonly title: string
}

const dialects: readonly Column[] = [
  { id: 'openai-chat', title: 'chat completions' },
  { id: 'openai-completions', title: 'completions' },
  { id: 'openai-responses', title: 'Responses' },
  { id: 'anthropic-messages', title: 'Messages' },
  { id: 'gemini', title: 'Gemini' },
]

const wires: readonly Column[] = [
  { id: 'openai-chat', title: 'OpenAI, chat' },
  { id: 'openai-responses', title: 'OpenAI, Responses' },
  { id: 'anthropic-messages', title: 'Anthropic' },
  { id: 'gemini', title: 'Google' },
  { id: 'bedrock-converse', title: 'Bedrock' },
  { id: 'cohere-chat', title: 'Cohere' },
  { id: 'mistral-chat', title: 'Mistral' },
]

// Mistral's answers are OpenAI's.
const answerWires = wires.filter(({ id }) => id !== 'mistral-chat')

const answerRows: readonly Row[] = [...answerFeatures, { id: 'call-pieces', title: 'arguments of calls in pieces' }]

type Cell = 'yes' | Gap['outcome']

const words: Readonly<Record<Cell, string>> = { yes: 'yes', refused: 'refused', lost: 'left out', none: '–' }

interface Matrix {
  readonly rows: readonly Row[]
  readonly columns: readonly Column[]
  readonly gaps: readonly Gap[]
  /** Whether a column has a word for a row at all; absent means that it has. */
  readonly hasWord?: (row: string, column: string) => boolean
}

function table({ rows, columns, gaps, hasWord = () => true }: Matrix): string {
  const cell = (row: string, column: string): Cell =>
    hasWord(row, column) ? (gapIn(gaps, column, row)?.outcome ?? 'yes') : 'none'
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(['', ...columns.map(({ title }) => title)]),
    line(['---', ...columns.map(() => '---')]),
    ...rows.map((row) => line([row.title, ...columns.map(({ id }) => words[cell(row.id, id)])])),
  ].join('\n')
}

/** What there is to say of the gaps of a matrix, by what and where. */
function reasons({ rows, columns, gaps }: Matrix): string {
  const titleOf = (all: readonly (Row | Column)[], id: string) => all.find((each) => each.id === id)?.title
  return gaps
    .filter(({ why }) => why !== undefined)
    .flatMap(({ on, what, why }) => {
      const where = on.flatMap((id) => titleOf(columns, id) ?? [])
      const which = what.flatMap((id) => titleOf(rows, id) ?? [])
      return where.length > 0 && which.length > 0 ? [`- ${which.join(', ')} (${where.join('; ')}): ${why}.`] : []
    })
    .join('\n')
}

function section(title: string, words: string, matrix: Matrix): string {
  const notes = reasons(matrix)
  return [`## ${title}`, words, table(matrix), ...(notes === '' ? [] : [notes])].join('\n\n')
}

/** What each kind of provider can be asked for, as it says itself. */
async function providerTable(): Promise<string> {
  const rows: string[] = []
  for (const kind of providerKinds) {
    // Where a package of the AI SDK is asked, the package says what it can.
    if (kind.name === 'ai-sdk') continue
    const provider = kind.make({
      name: kind.name,
      keys: ['none'],
      // Nobody is there, and nothing is asked.
      baseUrl: 'http://127.0.0.1:9',
      extra: { region: 'us-east-1', project: 'p' },
    })
    rows.push(`| ${[`\`${kind.name}\``, ...abilities(provider)].join(' | ')} |`)
    await provider.close()
  }
  const head = ['', 'passed on as it stands', 'embeddings', 'rankings', 'count of tokens']
  return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows].join('\n')
}

function abilities(provider: Provider): string[] {
  const titles = (provider.relays?.('m') ?? []).flatMap((wire) => dialects.find(({ id }) => id === wire)?.title ?? [])
  const can = (...names: readonly (keyof Provider)[]) => names.map((name) => (name in provider ? 'yes' : '–'))
  return [titles.join(', ') || '–', ...can('embed', 'rerank', 'countTokens')]
}

export async function compatibilityPage(): Promise<string> {
  const intro = `# Compatibility

Clients speak one of five wires (dialects), and providers are asked on wires of their own. Where the two are the same, a request is passed on as it stands and so is its answer: everything that the provider knows works, and what follows does not matter. Otherwise both are translated, and this page says what crosses.

| | |
| --- | --- |
| yes | it crosses; how much to think as a word where a provider has no number for it, and as a number where it has no word |
| refused | an error of status 400 names the field, the provider and the remedy |
| left out | it does not cross, and nothing is said: it would not change the answer, or the reason is given below |
| – | the wire has no word for it |

What is not in a table and not known is refused by its name. Every cell is held to be true by \`test/conformance/compatibility.test.ts\`; the page is written by \`node scripts/write-compatibility.ts\`.`

  const requestRows = requestFeatures
  const hasField = (row: string, column: string) => {
    const feature = requestFeatures.find(({ id }) => id === row)
    return feature !== undefined && Object.hasOwn(feature.in, column)
  }
  return `${[
    intro,
    section('What clients can ask for', 'By dialect, where a request is translated.', {
      rows: requestRows,
      columns: dialects,
      gaps: requestGapsOfDialects,
      hasWord: hasField,
    }),
    section('What providers can be asked for', 'By wire, whatever dialect the request came in.', {
      rows: requestRows,
      columns: wires,
      gaps: requestGapsOfWires,
    }),
    section(
      'What answers tell clients',
      'By dialect, where an answer is translated. Words, ends and totals of tokens always cross.',
      {
        rows: answerRows,
        columns: dialects,
        gaps: answerGapsOfDialects,
      },
    ),
    section('What answers of providers tell', 'By wire.', {
      rows: answerRows,
      columns: answerWires,
      gaps: answerGapsOfWires,
    }),
    `## What else crosses, and what does not

- Calls of Google’s models have ids that are made here where the model gives none.
- Two texts of one answer, as OpenAI’s Responses and Anthropic’s Messages may hold, are one text elsewhere.
- What a provider’s own tools did (searches, code that was run) is told on that provider’s own wire alone; the words of the answer cross.
- What a provider sealed of its thoughts comes on chat completions in \`reasoning_details\` (OpenRouter’s field) and with a call in \`extra_content.google.thought_signature\` (Google’s): clients that send messages back as they came give models of Claude, Gemini and OpenAI their thoughts again. In a stream \`reasoning_details\` come whole, at the end.
- Tools that take free text (\`custom\`) can be offered on the Responses API alone, to any provider.
- \`verbosity\` of \`medium\` is how every model answers that is asked for nothing, and is taken everywhere; other words reach local models whose chat template reads them, and are refused for others.
- An error in the middle of a stream is told as the client’s wire tells it, and ends the stream.`,
    `## Providers\n\n${await providerTable()}\n\nBare prompts (completions) are taken by providers that pass them on. \`openai\` counts tokens where it is asked at OpenAI’s own address. Where nobody counts them, the count is an estimate and says so.`,
  ].join('\n\n')}\n`
}
