import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { asInferloomError } from '../canonical/errors.ts'
import type { Device } from '../engine/binding/abi.ts'
import { findLibraries, release } from '../engine/binding/library-folder.ts'
import { loadLibrary } from '../engine/binding/library.ts'

export interface HardwareReport {
  readonly platform: string
  readonly node: string
  readonly processor: string
  readonly cores: number
  readonly memoryTotal: number
  readonly memoryFree: number
  /** Packages that hold llama.cpp for this machine; the first is used. */
  readonly libraries: readonly string[]
  readonly devices: readonly Device[]
  /** What the processor backend makes use of, as llama.cpp words it. */
  readonly features: string
  /** How to make use of hardware that was seen and is not used. */
  readonly advice: readonly string[]
}

/** Looks at this machine and loads llama.cpp into this process to see what it finds. */
export function inspectHardware(): HardwareReport {
  const libraries = findLibraries().map((library) => library.package)
  return {
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    processor: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryTotal: totalmem(),
    memoryFree: freemem(),
    libraries,
    ...inspectLibrary(),
  }
}

function inspectLibrary(): Pick<HardwareReport, 'devices' | 'features' | 'advice'> {
  try {
    const { llama } = loadLibrary(() => {})
    const devices = llama.devices()
    return { devices, features: llama.systemInfo().trim(), advice: adviceFor(devices) }
  } catch (error) {
    // Who has no usable llama.cpp is who needs the report most.
    return { devices: [], features: '', advice: [asInferloomError(error).message] }
  }
}

const deviceTypeCpu = 0

/** Packages for GPUs are large, so none is installed unasked: docs/decisions/0003-gpu-packages.md. */
function adviceFor(devices: readonly Device[]): string[] {
  if (devices.some(({ type }) => type !== deviceTypeCpu)) return []
  const install = (kind: string) =>
    `npm install @node-llama-cpp/${process.platform === 'win32' ? 'win' : 'linux'}-x64-${kind}@${release}`
  if (existsSync('/proc/driver/nvidia/version'))
    return [`An NVIDIA GPU is here and not used. To use it: ${install('cuda')}`]
  const rendering = existsSync('/dev/dri') && readdirSync('/dev/dri').some((name) => name.startsWith('renderD'))
  if (rendering && process.arch === 'x64') return [`A GPU is here and not used. To try it: ${install('vulkan')}`]
  return []
}
