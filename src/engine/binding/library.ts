import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import koffi from 'koffi'
import { InferloomError } from '../../canonical/errors.ts'
import { declareFunctions, declareStructs, type Functions } from './abi.ts'
import { findLibraries, packagesByPlatform, release, type LibraryFolder } from './library-folder.ts'

/** llama.cpp in this process. Load it in a process of its own: native code that fails takes its process with it. */
export interface Library {
  readonly folder: LibraryFolder
  readonly llama: Functions
}

/**
 * Loads the fastest llama.cpp installed for this machine.
 * Throws `engine_unavailable` when there is none, or when its structs are not laid out as expected.
 */
export function loadLibrary(log: (level: number, text: string) => void): Library {
  const folder = findLibraries()[0]
  if (!folder) throw noLibraries(`${process.platform}-${process.arch}`)
  // Each library needs the symbols of the one before it, hence the order and `global`.
  for (const stem of ['ggml-base', 'ggml']) koffi.load(libraryFile(folder.path, stem), { global: true })
  declareStructs()
  const llama = declareFunctions(
    koffi.load(libraryFile(folder.path, 'llama'), { global: true }),
    koffi.load(libraryFile(folder.path, 'ggml'), { global: true }),
    koffi.load(libraryFile(folder.path, 'ggml-base'), { global: true }),
  )
  llama.logSet(log)
  llama.loadBackends(folder.path)
  llama.backendInit()
  checkLayout(folder, llama)
  return { folder, llama }
}

function noLibraries(platform: string): InferloomError {
  const name = packagesByPlatform[platform]?.at(-1)
  const remedy =
    name === undefined ? 'There are none for it.' : `Remedy: npm install @node-llama-cpp/${name}@${release}.`
  return new InferloomError('engine_unavailable', `No llama.cpp libraries for ${platform} are installed. ${remedy}`)
}

/** A struct read with the wrong layout gives plausible garbage, so known defaults are compared before any is used. */
function checkLayout(folder: LibraryFolder, llama: Functions): void {
  const context = llama.contextDefaultParams()
  const model = llama.modelDefaultParams()
  const read = [context.n_batch, context.n_ubatch, context.type_k, context.type_v, context.offload_kqv, model.load_mode]
  const expected = [2048, 512, 1, 1, true, -1]
  if (read.some((value, index) => value !== expected[index]) || context.n_samplers !== 0) {
    throw new InferloomError(
      'engine_unavailable',
      `${folder.package} is not the release that inferloom was built for: its default parameters read ` +
        `${JSON.stringify(read)}, expected ${JSON.stringify(expected)}. Remedy: npm install ${folder.package}@${release}.`,
    )
  }
}

function libraryFile(folder: string, stem: string): string {
  const pattern = new RegExp(`^(lib)?${stem}(\\.v[\\d.]+)?\\.(so|dylib|dll)$`)
  const file = readdirSync(folder).find((entry) => pattern.test(entry))
  if (file) return join(folder, file)
  throw new InferloomError(
    'engine_unavailable',
    `${dirname(folder)} holds no ${stem} library. Remedy: reinstall inferloom.`,
  )
}
