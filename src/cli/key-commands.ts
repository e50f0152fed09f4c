import type { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import type { KeyFlags } from './keys.ts'

interface Parts {
  readonly withSettings: (command: Command) => Command
  readonly configFrom: (options: Readonly<Record<string, unknown>>) => Promise<LoadedConfig>
}

type Options = KeyFlags & Readonly<Record<string, unknown>>

/** `inferloom keys`, `teams` and `audit`. */
export function addKeyCommands(program: Command, { withSettings, configFrom }: Parts): void {
  const keys = program.command('keys').description('make and change the keys that clients send')
  const teams = program.command('teams').description('make and change teams: several keys with limits in common')
  const load = () => import('./keys.ts')

  withLimits(withSettings(keys.command('create').description('make a key; it is shown this once')))
    .requiredOption('--name <name>', 'whose it is')
    .action(async (options: Options) => (await load()).createKey(await configFrom(options), options))
  withSettings(keys.command('list').description('show the keys that there are'))
    .option('--all', 'also those that were revoked')
    .option('--json', 'for machines')
    .action(async (options: Options & { all?: boolean }) => {
      await (await load()).listKeys(await configFrom(options), options)
    })
  withSettings(keys.command('show').description('show all that is known of a key'))
    .argument('<key>', 'its id or name')
    .option('--json', 'for machines')
    .action(async (key: string, options: Options) => {
      await (await load()).showKey(await configFrom(options), key, options.json ?? false)
    })
  withLimits(withSettings(keys.command('update').description('change a key; "none" takes something away')))
    .argument('<key>', 'its id or name')
    .option('--name <name>', 'another name')
    .action(async (key: string, options: Options) => (await load()).updateKey(await configFrom(options), key, options))
  withSettings(keys.command('rotate').description('put a new key in the place of one, with all that it was'))
    .argument('<key>', 'its id or name')
    .option('--overlap <time>', 'how long the former one still opens, such as 24h (default: not at all)')
    .option('--json', 'for machines')
    .action(async (key: string, options: Options) => (await load()).rotateKey(await configFrom(options), key, options))
  withSettings(keys.command('revoke').description('end a key'))
    .argument('<key>', 'its id or name')
    .option('--json', 'for machines')
    .action(async (key: string, options: Options) => {
      await (await load()).revokeKey(await configFrom(options), key, options.json ?? false)
    })

  withTeamLimits(withSettings(teams.command('create').description('make a team')))
    .requiredOption('--name <name>', 'what it is called')
    .action(async (options: Options) => (await load()).createTeam(await configFrom(options), options))
  withSettings(teams.command('list').description('show the teams that there are'))
    .option('--json', 'for machines')
    .action(async (options: Options) => (await load()).listTeams(await configFrom(options), options.json ?? false))
  withTeamLimits(withSettings(teams.command('update').description('change a team')))
    .argument('<team>', 'its id or name')
    .option('--name <name>', 'another name')
    .action(async (team: string, options: Options) =>
      (await load()).updateTeam(await configFrom(options), team, options),
    )
  withSettings(teams.command('remove').description('end a team that has no keys'))
    .argument('<team>', 'its id or name')
    .option('--json', 'for machines')
    .action(async (team: string, options: Options) => {
      await (await load()).removeTeam(await configFrom(options), team, options.json ?? false)
    })

  withSettings(program.command('audit').description('show who made and changed keys and teams'))
    .option('-n, --limit <number>', 'how many', '20')
    .option('--json', 'for machines')
    .action(async (options: Options & { limit: string }) => {
      await (await load()).audit(await configFrom(options), options.limit, options.json ?? false)
    })
}

function withTeamLimits(command: Command): Command {
  return command
    .option('--models <names>', 'models it may ask for, separated by commas (default: all)')
    .option('--budget <dollars/window>', 'such as 20/month, or 20/month:15 with a warning from 15 on')
    .option('--rpm <number>', 'requests a minute')
    .option('--tpm <number>', 'input and output tokens a minute')
    .option('--concurrency <number>', 'requests at once; more of them wait')
    .option('--json', 'for machines')
}

function withLimits(command: Command): Command {
  return withTeamLimits(command)
    .option('--team <team>', 'the team it belongs to')
    .option('--tier <tier>', 'priority, default or flex, for requests that name none')
    .option('--expires <time>', 'how long from now, such as 30d, or a date')
    .option('--scope <scopes>', 'inference, admin:read, admin, separated by commas (default: inference)')
}
