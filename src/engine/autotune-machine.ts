import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { findLibraries, release } from './binding/library-folder.ts'

const cpuFolder = '/sys/devices/system/cpu'

/** Cores of the processor, where several threads of one count once; all that can be seen where that is not known. */
export function physicalCores(folder = cpuFolder): number {
  const known = new Set<string>()
  try {
    for (const name of readdirSync(folder)) {
      // https://www.kernel.org/doc/Documentation/admin-guide/cputopology.rst: "0,64" for both threads of a core
      if (/^cpu\d+$/.test(name)) known.add(readFileSync(join(folder, name, 'topology/thread_siblings_list'), 'utf8'))
    }
  } catch {
    return availableParallelism()
  }
  return known.size || availableParallelism()
}

/** What measurements depend on beside the model: processor, cores and the llama.cpp in use. */
export function machineId(): string {
  return JSON.stringify([
    process.platform,
    process.arch,
    cpus()[0]?.model.trim() ?? '',
    availableParallelism(),
    findLibraries()[0]?.package ?? '',
    release,
  ])
}
