// Where llama.cpp is; without loading any of it, so that the gateway's process can ask.
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The only release whose struct layout `abi.ts` describes; the packages of it are pinned in package.json. */
export const release = '3.22.1'

/** Where the packages of this platform keep their libraries, fastest hardware first; the last needs no GPU. */
export const packagesByPlatform: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': ['linux-x64-cuda', 'linux-x64-vulkan', 'linux-x64'],
  'linux-arm64': ['linux-arm64'],
  'darwin-arm64': ['mac-arm64-metal'],
  'darwin-x64': ['mac-x64'],
  'win32-x64': ['win-x64-cuda', 'win-x64-vulkan', 'win-x64'],
  'win32-arm64': ['win-arm64'],
}

export interface LibraryFolder {
  /** `@node-llama-cpp/linux-x64` */
  readonly package: string
  readonly path: string
}

/** The installed packages that hold llama.cpp for this machine, fastest hardware first. */
export function findLibraries(): LibraryFolder[] {
  const platform = `${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  const found: LibraryFolder[] = []
  for (const name of packagesByPlatform[platform] ?? []) {
    const packageName = `@node-llama-cpp/${name}`
    const bins = folderOf(require, packageName)
    if (bins) found.push({ package: packageName, path: bins })
  }
  return found
}

function folderOf(require: NodeJS.Require, packageName: string): string | undefined {
  for (const modules of require.resolve.paths(packageName) ?? []) {
    const bins = join(modules, packageName, 'bins')
    if (!existsSync(bins)) continue
    const folder = readdirSync(bins).find((entry) => existsSync(join(bins, entry, '_nlcBuildMetadata.json')))
    if (folder) return join(bins, folder)
  }
  return undefined
}
