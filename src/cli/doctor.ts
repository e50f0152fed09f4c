import type { LoadedConfig } from '../config/load.ts'
import { configuredModels } from '../server/configured-models.ts'
import { catalogOf } from '../server/engines.ts'
import { inspectHardware } from '../server/hardware.ts'
import { tuneFileOf, tuningOf } from '../server/tuning.ts'
import { bytes } from './format.ts'
import { providerLine, providerReports } from './provider-lines.ts'
import { ServerClient } from './server-client.ts'
import { settingsText, tune } from './tune.ts'

export interface DoctorOptions {
  readonly json?: boolean
  /** Measures this model, or all with `true`, instead of showing what is here. */
  readonly tune?: string | boolean
}

/** Shows the hardware, the backends found on it, and what inferloom would use. */
export async function doctor(loaded: LoadedConfig, options: DoctorOptions): Promise<void> {
  const { json = false } = options
  const client = ServerClient.of(loaded)
  const running = await client.isRunning()
  if (options.tune !== undefined && options.tune !== false) {
    if (running) process.stderr.write(`A server is running at ${client.url}: what it does meanwhile distorts this.\n`)
    return await tune(loaded, { json, ...(typeof options.tune === 'string' && { only: options.tune }) })
  }
  const hardware = inspectHardware()
  const models = configuredModels(loaded)
  const file = tuneFileOf(loaded)
  const tuning = catalogOf(loaded)().map((known) => tuningOf(known, file))
  const providers = await providerReports(loaded, running ? client : undefined)
  if (json) {
    const report = {
      ...hardware,
      home: loaded.home,
      config: loaded.file ?? null,
      server: running ? client.url : null,
      models,
      tuning,
      providers,
    }
    return void process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  }
  const devices = hardware.devices.map(
    ({ name, description, memoryTotal }) => `${name} (${description.trim()}, ${bytes(memoryTotal)})`,
  )
  const lines: [string, string][] = [
    ['machine', `${hardware.platform}, Node ${hardware.node}`],
    ['processor', `${hardware.processor}, ${hardware.cores} cores for this process`],
    ['memory', `${bytes(hardware.memoryFree)} free of ${bytes(hardware.memoryTotal)}`],
    [
      'llama.cpp',
      `${hardware.libraries[0] ?? 'none is installed'}${hardware.libraries.length > 1 ? ` (also here: ${hardware.libraries.slice(1).join(', ')})` : ''}`,
    ],
    ['devices', devices.join(', ')],
    [
      'features',
      hardware.features
        .replaceAll(' = 1', '')
        .replace(/ ?\| ?$/, '')
        .replaceAll(' |', ''),
    ],
    [
      'models',
      models
        .map(({ id, size_bytes: size }) => `${id} (${size === undefined ? 'file is missing' : bytes(size)})`)
        .join(', '),
    ],
    ...tuning.map((each, index): [string, string] => [index === 0 ? 'run with' : '', settingsText(each)]),
    ...(providers.length > 0 ? providers.map(providerLine) : ['']).map((each, index): [string, string] => [
      index === 0 ? 'providers' : '',
      each,
    ]),
    ['data', loaded.home],
    ['settings', loaded.file ?? 'defaults; no inferloom.yaml here or in the data folder'],
    ['server', running ? `running at ${client.url}` : `none at ${client.url}`],
  ]
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(10)} ${value || 'none'}\n`)
  for (const advice of hardware.advice) process.stdout.write(`\n${advice}\n`)
}
