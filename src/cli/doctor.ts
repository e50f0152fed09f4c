import type { LoadedConfig } from '../config/load.ts'
import { configuredModels } from '../server/configured-models.ts'
import { engineOptions } from '../server/engines.ts'
import { inspectHardware } from '../server/hardware.ts'
import { bytes } from './format.ts'
import { ServerClient } from './server-client.ts'

/** Shows the hardware, the backends found on it, and what inferloom would use. */
export async function doctor(loaded: LoadedConfig, json: boolean): Promise<void> {
  const hardware = inspectHardware()
  const client = ServerClient.of(loaded)
  const running = await client.isRunning()
  const threads = engineOptions(loaded)[0]?.threads ?? hardware.cores
  const models = configuredModels(loaded)
  if (json) {
    const report = {
      ...hardware,
      threads,
      home: loaded.home,
      config: loaded.file ?? null,
      server: running ? client.url : null,
      models,
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
    ['threads', `${threads} for each model`],
    [
      'models',
      models
        .map(({ id, size_bytes: size }) => `${id} (${size === undefined ? 'file is missing' : bytes(size)})`)
        .join(', '),
    ],
    ['data', loaded.home],
    ['settings', loaded.file ?? 'defaults; no inferloom.yaml here or in the data folder'],
    ['server', running ? `running at ${client.url}` : `none at ${client.url}`],
  ]
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(10)} ${value || 'none'}\n`)
  for (const advice of hardware.advice) process.stdout.write(`\n${advice}\n`)
}
