interface Node {
  tokens: Int32Array
  /** Tokens before this node's own, from the root. */
  start: number
  parent: Node | undefined
  readonly children: Map<number, Node>
  /** Who holds this node's tokens. */
  readonly holders: Set<number>
  /** Who holds nothing beyond them. */
  readonly ending: Set<number>
}

export interface Shared {
  readonly holder: number
  /** Tokens, from the first one, that the holder and what was asked for have in common. */
  readonly length: number
}

/**
 * Which token sequences begin alike: a radix tree whose nodes know who holds them.
 *
 * @example
 * tree.insert(7, Int32Array.of(1, 2, 3))
 * tree.longest(Int32Array.of(1, 2, 9)) // { holder: 7, length: 2 }
 */
export class PrefixTree {
  readonly #root: Node = newNode(new Int32Array(0), 0, undefined)
  readonly #ends = new Map<number, Node>()
  #size = 0

  /** Tokens held, those that several hold counted once. */
  get size(): number {
    return this.#size
  }

  has(holder: number): boolean {
    return this.#ends.has(holder)
  }

  lengthOf(holder: number): number {
    const end = this.#ends.get(holder)
    return end ? end.start + end.tokens.length : 0
  }

  /** Replaces what the holder held before. */
  insert(holder: number, tokens: Int32Array): void {
    this.remove(holder)
    let node = this.#root
    for (let at = 0; at < tokens.length;) {
      const child = node.children.get(tokens[at] ?? -1)
      if (!child) {
        node = this.#add(node, tokens.slice(at))
        at = tokens.length
      } else {
        const same = commonLength(child.tokens, tokens, at)
        node = same === child.tokens.length ? child : split(child, same)
        at += same
      }
      node.holders.add(holder)
    }
    node.ending.add(holder)
    this.#ends.set(holder, node)
  }

  #add(parent: Node, tokens: Int32Array): Node {
    const node = newNode(tokens, parent.start + parent.tokens.length, parent)
    parent.children.set(tokens[0] ?? -1, node)
    this.#size += tokens.length
    return node
  }

  remove(holder: number): void {
    const end = this.#ends.get(holder)
    if (!end) return
    this.#ends.delete(holder)
    end.ending.delete(holder)
    for (let node: Node | undefined = end; node?.parent; node = node.parent) {
      node.holders.delete(holder)
      if (node.holders.size === 0) {
        node.parent.children.delete(node.tokens[0] ?? -1)
        this.#size -= node.tokens.length
      } else {
        mergeWithOnlyChild(node)
      }
    }
  }

  /** The longest shared beginning, and one who holds it. */
  longest(tokens: Int32Array): Shared | undefined {
    for (const { holders, length } of this.#alongDeepestFirst(tokens)) {
      for (const holder of holders) return { holder, length }
    }
    return undefined
  }

  /** The same where each holder has only its first `available(holder)` tokens yet. */
  longestAvailable(tokens: Int32Array, available: (holder: number) => number): Shared | undefined {
    let best: Shared | undefined
    for (const { holders, length } of this.#alongDeepestFirst(tokens)) {
      if (best && best.length >= length) break
      for (const holder of holders) {
        const usable = Math.min(length, available(holder))
        if (usable > (best?.length ?? 0)) best = { holder, length: usable }
      }
    }
    return best
  }

  /** Those whose whole sequence is a beginning of this one. */
  beginningsOf(tokens: Int32Array): number[] {
    return this.#along(tokens).flatMap(({ node, length }) =>
      length === node.start + node.tokens.length ? [...node.ending] : [],
    )
  }

  #alongDeepestFirst(tokens: Int32Array): { holders: ReadonlySet<number>; length: number }[] {
    return this.#along(tokens)
      .map(({ node, length }) => ({ holders: node.holders, length }))
      .toReversed()
  }

  /** The nodes that these tokens lead through, and how many tokens are shared up to each. */
  #along(tokens: Int32Array): { node: Node; length: number }[] {
    const path: { node: Node; length: number }[] = []
    let node = this.#root
    for (let at = 0; at < tokens.length;) {
      const child = node.children.get(tokens[at] ?? -1)
      if (!child) break
      const same = commonLength(child.tokens, tokens, at)
      at += same
      path.push({ node: child, length: at })
      if (same < child.tokens.length) break
      node = child
    }
    return path
  }
}

function newNode(tokens: Int32Array, start: number, parent: Node | undefined): Node {
  return { tokens, start, parent, children: new Map(), holders: new Set(), ending: new Set() }
}

function commonLength(own: Int32Array, tokens: Int32Array, from: number): number {
  const most = Math.min(own.length, tokens.length - from)
  let same = 0
  while (same < most && own[same] === tokens[from + same]) same++
  return same
}

/** Cuts a node in two; returns the upper part, which keeps its place in the tree. */
function split(node: Node, at: number): Node {
  const upper = newNode(node.tokens.slice(0, at), node.start, node.parent)
  for (const holder of node.holders) upper.holders.add(holder)
  node.parent?.children.set(upper.tokens[0] ?? -1, upper)
  node.tokens = node.tokens.slice(at)
  node.start += at
  node.parent = upper
  upper.children.set(node.tokens[0] ?? -1, node)
  return upper
}

/** Undoes a split that nobody needs any more, so that the tree stays as small as what it holds. */
function mergeWithOnlyChild(node: Node): void {
  if (node.children.size !== 1 || node.ending.size > 0) return
  const [child] = node.children.values()
  if (!child) return
  const joined = new Int32Array(node.tokens.length + child.tokens.length)
  joined.set(node.tokens)
  joined.set(child.tokens, node.tokens.length)
  // The child stays, since it is the end of its holders; the upper node goes.
  child.tokens = joined
  child.start = node.start
  child.parent = node.parent
  node.parent?.children.set(joined[0] ?? -1, child)
}
