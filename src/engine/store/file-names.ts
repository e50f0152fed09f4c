import { InferloomError } from '../../canonical/errors.ts'

/** No control character, no separator of any system, nothing that Windows keeps for itself. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const safeName = /^[^\x00-\x1f\x7f/\\:*?"<>|]{1,200}$/
const deepestPath = 8

/**
 * Refuses a relative path that would lead out of the folder it is put into, whatever the system.
 * Names of files come from other people's repositories.
 */
export function checkPath(path: string): void {
  const names = path.split('/')
  const safe = names.length <= deepestPath && names.every((name) => safeName.test(name) && !/^\.+$/.test(name))
  if (safe) return
  // oxlint-disable-next-line no-control-regex -- and are not to reach a terminal
  const shown = path.slice(0, 200).replaceAll(/[\x00-\x1f\x7f]/g, '?')
  throw new InferloomError('invalid_value', `The file name '${shown}' is refused: it may lead out of the model folder.`)
}

/** `llama-00001-of-00003.gguf`, as gguf-split of llama.cpp names the files of one model. */
const splitSuffix = /-(\d{5})-of-(\d{5})\.gguf$/i

export interface Split {
  /** The name without what tells the files of one model apart. */
  readonly stem: string
  readonly index: number
  readonly count: number
}

/** A file that holds a whole model is the first of one. */
export function splitOf(file: string): Split {
  const [suffix, index, count] = splitSuffix.exec(file) ?? []
  if (suffix === undefined) return { stem: file.replace(/\.gguf$/i, ''), index: 1, count: 1 }
  return { stem: file.slice(0, -suffix.length), index: Number(index), count: Number(count) }
}

/** The parts of other models, such as what lets one see, are no models that can be served. */
export function isModelFile(name: string): boolean {
  return /\.gguf$/i.test(name) && !/mmproj/i.test(name)
}

/** `Qwen3-0.6B-UD-Q4_K_XL` → `UD-Q4_K_XL`; the folder is asked where the name does not say. */
export function quantOf(path: string): string | undefined {
  const { stem } = splitOf(path)
  const [name = '', folder = ''] = stem.split('/').toReversed()
  return quantIn(name) ?? quantIn(folder)
}

const quantisations =
  /(?<=^|[-_.])(?:UD-)?(?:I?Q\d(?:_[A-Z0-9]{1,3})*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|FP?16|FP?32)(?=$|[-_.])/gi

function quantIn(name: string): string | undefined {
  return [...name.matchAll(quantisations)].at(-1)?.[0].toUpperCase()
}
