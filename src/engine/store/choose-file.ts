import { InferloomError } from '../../canonical/errors.ts'
import { isModelFile, quantOf, splitOf } from './file-names.ts'
import type { HubFile } from './hub.ts'

/** What is taken when nobody says: small with little loss first, then larger, then smaller, then not quantised. */
const preferred = [
  'Q4_K_M', 'UD-Q4_K_XL', 'Q8_0', 'Q5_K_M', 'Q6_K', 'Q4_K_S', 'MXFP4', 'MXFP4_MOE', 'Q4_0', 'IQ4_XS', 'IQ4_NL',
  'Q3_K_M', 'Q2_K', 'BF16', 'F16', 'F32',
] // prettier-ignore

interface Candidate {
  readonly stem: string
  readonly quant: string | undefined
  /** In order; more than one of a split model. */
  readonly files: readonly HubFile[]
}

/**
 * Chooses the files of one model in a repository: by path, by quantisation, or the usual one.
 * Throws `model_not_found` listing what there is.
 */
export function chooseFiles(
  repo: string,
  files: readonly HubFile[],
  { quant, path }: { quant?: string; path?: string },
): readonly HubFile[] {
  const candidates = candidatesIn(files)
  if (candidates.length === 0) {
    throw new InferloomError(
      'model_not_found',
      `${repo} holds no GGUF files. Remedy: look for a repository of that model with GGUF in its name.`,
    )
  }
  if (path !== undefined) {
    const found = candidates.find((candidate) => candidate.files.some((file) => file.path === path))
    if (found) return whole(repo, found)
    throw new InferloomError('model_not_found', `${repo} has no file ${path}. It has: ${listed(candidates)}.`)
  }
  const wanted = quant === undefined ? preferred : [quant.toUpperCase()]
  for (const each of wanted) {
    const matching = candidates.filter((candidate) => candidate.quant === each)
    const found = matching.length > 0 ? matching : candidates.filter((candidate) => candidate.quant === `UD-${each}`)
    const [only, another] = found
    if (only && !another) return whole(repo, only)
    if (only) {
      const names = found.map(({ files: [first] }) => `${repo}/${first?.path}`).join(', ')
      throw new InferloomError('model_not_found', `${repo} has several models in ${each}. Remedy: name one: ${names}.`)
    }
  }
  const [only, another] = candidates
  if (quant === undefined && only && !another) return whole(repo, only)
  const why = quant === undefined ? 'none of the usual quantisations' : `no quantisation ${quant}`
  throw new InferloomError('model_not_found', `${repo} has ${why}. It has: ${listed(candidates)}.`)
}

function candidatesIn(files: readonly HubFile[]): Candidate[] {
  const byStem = Map.groupBy(
    files.filter(({ path }) => isModelFile(path)),
    ({ path }) => splitOf(path).stem,
  )
  return [...byStem].map(([stem, parts]) => ({
    stem,
    quant: quantOf(stem),
    files: parts.sort((a, b) => splitOf(a.path).index - splitOf(b.path).index),
  }))
}

function whole(repo: string, { files, stem }: Candidate): readonly HubFile[] {
  const count = splitOf(files[0]?.path ?? '').count
  if (files.length === count && files.every(({ path }, index) => splitOf(path).index === index + 1)) return files
  throw new InferloomError('model_not_found', `${repo} has ${files.length} of the ${count} files of ${stem}.`)
}

function listed(candidates: readonly Candidate[]): string {
  const quants = candidates.map(({ quant, stem }) => quant ?? stem)
  const shown = [...new Set(quants)].sort().slice(0, 40)
  return shown.join(', ').slice(0, 2000)
}
