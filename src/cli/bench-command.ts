import type { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import type { BenchFlags } from './bench-flags.ts'
import type { BenchCall } from './bench.ts'

type AllFlags = BenchFlags & Readonly<Record<string, unknown>>

interface Shared {
  readonly withSettings: (command: Command) => Command
  readonly configFrom: (options: Readonly<Record<string, unknown>>) => Promise<LoadedConfig>
}

const examples = `
Examples:
  inferloom bench                                      what batching and prompt length do here, in a minute
  inferloom bench http://127.0.0.1:8000 --concurrency 1,8,64 -o report.html -o run.json
  inferloom bench http://127.0.0.1:8000 --rate 5,10,20 --slo ttft:500ms,tpot:50ms
  inferloom bench --data questions.jsonl --requests 200
  inferloom bench --replay traffic.jsonl --speed 2
  inferloom bench compare before.json after.json

A running server is measured, or one that is started for the run. Lengths are a number of tokens (200), a range
(100-300), normal:200,50 or choice:64,512. Durations are such as 500ms, 10s or 2m.`

const sweeps = [
  ['prompt-length', 'time to the first token against the length of the prompt'],
  ['output-length', 'latency against the length of the answer'],
  ['batch', 'throughput and latency against requests at a time'],
] as const

/** Adds `bench`, its sweeps and `bench compare`. */
export function addBenchCommand(program: Command, { withSettings, configFrom }: Shared): void {
  const run = async (kind: BenchCall['kind'], names: readonly string[], flags: AllFlags) => {
    const { bench } = await import('./bench.ts')
    await bench({ kind, names, flags, loaded: await configFrom(flags) })
  }
  // Flags that stand after the name of a sweep are the sweep's: the commands above it have to leave them alone.
  program.enablePositionalOptions()
  const bench = withBenchFlags(withSettings(program.command('bench')))
    .description('measure a server: latency, throughput, what each lever does')
    .enablePositionalOptions()
    .argument(
      '[target]',
      'the address of a server, or a model or route of the one here (default: the first one served)',
    )
    .addHelpText('after', examples)
    .action((target: string | undefined, flags: AllFlags) => run(undefined, listOf(target), flags))
  for (const [kind, description] of sweeps) {
    withBenchFlags(withSettings(bench.command(kind).description(description)))
      .argument('[target]', 'the address of a server, or a model or route of the one here')
      .option('--lengths <tokens,…>', 'which lengths, in tokens')
      .action((target: string | undefined, flags: AllFlags) => run(kind, listOf(target), flags))
  }
  withBenchFlags(
    withSettings(bench.command('model').description('several models beside each other: quality, latency, cost')),
  )
    .argument('<names...>', 'models or routes; before them the address of a server, where it is not the one here')
    .action((names: string[], flags: AllFlags) => run('model', names, flags))
  bench
    .command('compare')
    .description('say which differences between two runs are larger than the noise')
    .argument('<before>', 'a file that -o run.json wrote')
    .argument('<after>', 'another one')
    .option('--all', 'also show what is within the noise')
    .option('--json', 'for machines')
    .action(async (before: string, after: string, { json = false, all = false }: { json?: boolean; all?: boolean }) => {
      const { benchCompare } = await import('./bench-compare.ts')
      benchCompare(before, after, { json, all })
    })
}

function listOf(target: string | undefined): readonly string[] {
  return target === undefined ? [] : [target]
}

function withBenchFlags(command: Command): Command {
  const each = (value: string, before: readonly string[]) => [...before, value]
  return command
    .option('-m, --model <name>', 'the model to ask (default: the first that the server lists)')
    .option('--dialect <name>', 'openai-chat, openai-completions, anthropic-messages or gemini', 'openai-chat')
    .option('--key-env <NAME>', 'the environment variable that holds the key of the server')
    .option('-H, --header <line>', "a header to send, 'name: value'; may be repeated", each, [])
    .option('--body <json>', 'fields for the body of every request')
    .option('--no-stream', 'ask for whole answers: latency and tokens, and no time to the first token')
    .option('--allow-cache', 'let the server answer from its caches (default: cache-control: no-store is sent)')
    .option('--concurrency <n,…>', 'requests at a time, each sent when one before it is answered')
    .option('--rate <n,…>', 'requests a second, sent when they are due, whether or not others were answered')
    .option('--arrivals <pattern>', 'how they arrive: poisson, fixed or burst', 'poisson')
    .option('--burst-size <n>', 'requests in a burst', '10')
    .option('--replay <file>', 'send recorded traffic with its own timing')
    .option('--speed <factor>', 'how many times as fast as recorded', '1')
    .option('--data <file>', 'prompts from a file of JSON lines (ShareGPT, messages or prompt)')
    .option('--prompt-tokens <lengths>', 'of synthetic prompts (default: 128)')
    .option('--output-tokens <lengths>', 'of answers (default: 64)')
    .option('--shared-prefix <share>', 'of each prompt that is the same in all, 0 to 1', '0')
    .option('-t, --time <duration>', 'of each stage (default: 10s)')
    .option('-n, --requests <n>', 'of each stage at most')
    .option('--warmup <duration>', 'at the beginning of each stage that is not counted (default: a tenth of it)')
    .option('--cooldown <duration>', 'at the end of each stage that is not counted', '0s')
    .option('--timeout <duration>', 'after which a request is given up', '300s')
    .option('--drain <duration>', 'for answers under way when a stage has ended', '60s')
    .option('--max-in-flight <n>', 'requests under way at most; others wait here, which counts', '4096')
    .option('--slo <targets>', 'what an answer has to meet to count as good: ttft:500ms,tpot:50ms,latency:5s')
    .option('--price <model=in/out>', 'dollars for a million tokens in and out; may be repeated', each, [])
    .option('--seed <n>', 'makes the same requests again (default: another for each run)')
    .option('-o, --out <file>', 'write .json, .csv, .md or .html; may be repeated', each, [])
    .option('--json', 'the result on stdout, for machines')
}
