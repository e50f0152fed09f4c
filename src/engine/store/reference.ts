import { InferloomError } from '../../canonical/errors.ts'
import { checkPath } from './file-names.ts'

/** What `inferloom pull` was asked for. */
export type Reference =
  /** A repository of the hub; `quant` or `path` say which of its files. */
  | { readonly kind: 'hub'; readonly repo: string; readonly quant?: string; readonly path?: string }
  | { readonly kind: 'url'; readonly url: URL; readonly file: string }

const forms = 'owner/repo, owner/repo:Q4_K_M, owner/repo/file.gguf or https://host/file.gguf'

/** Reads `owner/repo[:quant]`, `owner/repo/path/file.gguf` or a URL. Throws `invalid_value` naming the forms. */
export function parseReference(text: string, endpoint: URL): Reference {
  if (/^https?:\/\//i.test(text)) return fromUrl(text, endpoint)
  const [, bare = ''] = /^(?:hf\.co\/|huggingface\.co\/)?(.*)$/.exec(text) ?? []
  const [, repo, path, quant] = /^([^/:]+\/[^/:]+)(?:\/(.+\.gguf))?(?::([\w.-]{1,40}))?$/i.exec(bare) ?? []
  if (repo === undefined || (path !== undefined && quant !== undefined) || !isRepo(repo)) {
    throw new InferloomError('invalid_value', `'${text.slice(0, 200)}' names no model. Remedy: give ${forms}.`)
  }
  if (path !== undefined) checkPath(path)
  return { kind: 'hub', repo, ...(quant !== undefined && { quant }), ...(path !== undefined && { path }) }
}

// https://huggingface.co/docs/huggingface_hub: validate_repo_id in utils/_validators.py
function isRepo(repo: string): boolean {
  return /^[\w][\w.-]{0,95}\/[\w][\w.-]{0,95}$/.test(repo) && !/\.\.|--/.test(repo)
}

function fromUrl(text: string, endpoint: URL): Reference {
  if (!URL.canParse(text)) throw new InferloomError('invalid_value', `The URL cannot be read. Remedy: give ${forms}.`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new InferloomError(
      'invalid_value',
      'The URL holds a password, which would end up in logs. Remedy: leave it out.',
    )
  }
  const path = decoded(url.pathname)
  // The addresses that the hub's own pages show lead to its files: there the checksum is known.
  const [, repo, inRepo] = /^\/([^/]+\/[^/]+)\/(?:resolve|blob)\/main\/(.+\.gguf)$/i.exec(path) ?? []
  const isHub = url.origin === endpoint.origin || url.hostname === 'huggingface.co'
  if (isHub && repo !== undefined && inRepo !== undefined && isRepo(repo)) {
    checkPath(inRepo)
    return { kind: 'hub', repo, path: inRepo }
  }
  const file = path.split('/').at(-1) ?? ''
  if (!/\.gguf$/i.test(file)) {
    throw new InferloomError('invalid_value', `The URL ${url.origin}${url.pathname} does not end in .gguf.`)
  }
  checkPath(file)
  return { kind: 'url', url, file }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new InferloomError('invalid_value', `The path ${path.slice(0, 200)} of the URL cannot be decoded.`)
  }
}
