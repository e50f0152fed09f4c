import { Command, Option } from 'commander'
import { InferloomError } from '../canonical/errors.ts'
import { loadConfig, type LoadedConfig } from '../config/load.ts'
import { settings } from '../config/settings.ts'
import { version } from '../version.ts'
import { addBenchCommand } from './bench-command.ts'
import { plain } from './format.ts'
import { addKeyCommands } from './key-commands.ts'
import type { DoctorOptions } from './doctor.ts'
import type { UsageOptions } from './usage.ts'

const examples = `
Examples:
  inferloom serve                              start the server on http://127.0.0.1:4633
  inferloom chat                               talk with the built-in model
  inferloom chat -m loom-mini "question"       ask once
  cat notes.txt | inferloom chat "sum this up" ask about what comes from a pipe
  inferloom pull owner/repo:Q4_K_M             download a model from Hugging Face

Settings come from flags, then from the environment (INFERLOOM_PORT …), then from inferloom.yaml.
Data is kept in INFERLOOM_HOME, by default ~/.inferloom.`

/** Reads the command line and runs one command; each is loaded only when it is the one. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = new Command('inferloom')
    .description(
      'Runs AI models on your own hardware behind an OpenAI-compatible API, and shows what every answer took.',
    )
    .version(version)
    .addHelpText('after', examples)
    .showHelpAfterError('Run with --help to see what there is.')
    .hook('preAction', (_, command) => {
      // A reader that has left, as in `inferloom models | head -1`, ends a command in silence, but never a server.
      const onError = command.name() === 'serve' ? () => {} : () => process.exit(0)
      for (const stream of [process.stdout, process.stderr]) stream.on('error', onError)
    })

  withSettings(program.command('serve').description('start the server')).action(async (options: Flags) => {
    const { serve } = await import('./serve.ts')
    await serve(await configFrom(options), () => configFrom(options))
  })
  withSettings(program.command('chat').description('talk with a model; starts one when no server is running'))
    .argument('[words...]', 'a model to talk with, or the question when -m names the model or input comes from a pipe')
    .option('-m, --model <name>', 'the model to ask (default: the first one served)')
    .option('-t, --temperature <number>', '0 is the likeliest answer, 2 the wildest')
    .action(async (words: string[], options: Flags & { model?: string; temperature?: string }) => {
      const { chat } = await import('./chat.ts')
      await chat({ words, model: options.model, temperature: options.temperature, loaded: await configFrom(options) })
    })
  withSettings(
    program.command('models').description('list the models that are here, and whether this machine can run them'),
  )
    .option('--json', 'for machines')
    .action(async (options: Flags & { json?: boolean }) => {
      const { models } = await import('./models.ts')
      await models(await configFrom(options), options.json ?? false)
    })
  withSettings(program.command('pull').description('download a model, or go on with a download that stopped'))
    .argument('<model>', 'owner/repo, owner/repo:Q4_K_M, owner/repo/file.gguf or https://host/file.gguf')
    .option('--name <name>', 'what clients ask for (default: the name of the file)')
    .addHelpText(
      'after',
      '\nHF_TOKEN gives access to gated models; HF_ENDPOINT names a mirror of huggingface.co.' +
        '\nBehind a proxy, set NODE_USE_ENV_PROXY=1 beside HTTPS_PROXY.',
    )
    .action(async (model: string, options: Flags & { name?: string }) => {
      const { pullModel } = await import('./pull.ts')
      await pullModel(await configFrom(options), model, options.name)
    })
  withSettings(program.command('rm').description('delete a model that was pulled'))
    .argument('<name>', 'as inferloom models shows it')
    .action(async (name: string, options: Flags) => {
      const { removeModel } = await import('./rm.ts')
      removeModel(await configFrom(options), name)
    })
  withSettings(program.command('doctor').description('show the hardware, what was found on it, and what would be used'))
    .option('--tune [model]', 'measure which settings are fastest for a model, or for each of them, and keep that')
    .option('--json', 'for machines')
    .action(async (options: Flags & DoctorOptions) => {
      const { doctor } = await import('./doctor.ts')
      await doctor(await configFrom(options), options)
    })
  withSettings(program.command('top').description('show what each model of the running server is doing'))
    .option('--once', 'once, instead of again each second')
    .option('--json', 'once, for machines')
    .action(async (options: Flags & { once?: boolean; json?: boolean }) => {
      const { top } = await import('./top.ts')
      await top(await configFrom(options), options)
    })
  withSettings(
    program.command('requests').description('show the latest requests of the running server, or one of them'),
  )
    .argument('[id]', 'of one request, as x-request-id says it')
    .option('-n, --limit <number>', 'how many', '20')
    .option('--json', 'for machines')
    .action(async (id: string | undefined, options: Flags & { limit: string; json?: boolean }) => {
      const { oneRequest, requests } = await import('./requests.ts')
      const loaded = await configFrom(options)
      if (id === undefined) await requests(loaded, options.limit, options.json ?? false)
      else await oneRequest(loaded, id, options.json ?? false)
    })
  withSettings(program.command('usage').description('show what was asked, what it took and what it cost'))
    .option('--by <group>', 'key, team, model, provider, route, day or hour', 'model')
    .option('--since <time>', 'how long ago, such as 90m, 24h, 30d or 4w, or a date such as 2026-11-01', '30d')
    .option('--until <time>', 'the same (default: now)')
    .option('--project <requests>', 'what so many requests a day would cost, by the mean of those measured')
    .option('--csv', 'for spreadsheets')
    .option('--json', 'for machines')
    .action(async (options: Flags & UsageOptions) => {
      const { usage } = await import('./usage.ts')
      await usage(await configFrom(options), options)
    })
  addBenchCommand(program, { withSettings, configFrom })
  addKeyCommands(program, { withSettings, configFrom })
  withSettings(program.command('budgets').description('show what is left of every budget, and where it is going'))
    .option('--json', 'for machines')
    .action(async (options: Flags & { json?: boolean }) => {
      const { budgets } = await import('./budgets.ts')
      await budgets(await configFrom(options), options.json ?? false)
    })
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    // A native library's last words may be many lines; a supervisor's log shows the last one.
    process.stderr.write(`inferloom: ${plain(error.message.replaceAll(/\s*\n\s*/g, ' '))} [${error.code}]\n`)
    process.exitCode = 1
  }
}

type Flags = Readonly<Record<string, unknown>>

function withSettings(command: Command): Command {
  command.option(
    '-c, --config <file>',
    'configuration file (default: ./inferloom.yaml, then the one in INFERLOOM_HOME)',
  )
  for (const { flag, description, env } of settings()) {
    if (flag !== undefined) command.addOption(new Option(flag, `${description}${env === undefined ? '' : ` [${env}]`}`))
  }
  return command
}

async function configFrom(options: Flags): Promise<LoadedConfig> {
  const flags: Record<string, string> = {}
  for (const { path, flag } of settings()) {
    const value = flag === undefined ? undefined : options[new Option(flag).attributeName()]
    if (typeof value === 'string') flags[path.join('.')] = value
  }
  const file = options['config']
  return loadConfig({ flags, ...(typeof file === 'string' && { file }) })
}
