import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PrefixTree } from './prefix-tree.ts'

const sequence = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 }).map((tokens) => Int32Array.from(tokens))
const holder = fc.integer({ min: 0, max: 9 })
const action = fc.oneof(
  fc.record({ do: fc.constant('insert' as const), holder, tokens: sequence }),
  fc.record({ do: fc.constant('remove' as const), holder }),
  fc.record({ do: fc.constant('ask' as const), tokens: sequence, available: fc.integer({ min: 0, max: 12 }) }),
)

function commonLength(a: Int32Array, b: Int32Array): number {
  let same = 0
  while (same < a.length && same < b.length && a[same] === b[same]) same++
  return same
}

/** Distinct beginnings: what a tree without sharing twice would hold. */
function distinctBeginnings(held: Iterable<Int32Array>): number {
  const all = new Set<string>()
  for (const tokens of held) for (let end = 1; end <= tokens.length; end++) all.add(tokens.slice(0, end).join())
  return all.size
}

test('finds what a comparison with every sequence finds, and counts shared tokens once', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const tree = new PrefixTree()
      const held = new Map<number, Int32Array>()
      for (const each of actions) {
        if (each.do === 'insert') {
          tree.insert(each.holder, each.tokens)
          held.set(each.holder, each.tokens)
        } else if (each.do === 'remove') {
          tree.remove(each.holder)
          held.delete(each.holder)
        } else {
          const { tokens, available } = each
          const lengths = [...held.values()].map((own) => commonLength(own, tokens))
          const longest = tree.longest(tokens)
          expect(longest?.length ?? 0).toBe(Math.max(0, ...lengths))
          if (longest) expect(commonLength(held.get(longest.holder) ?? tokens, tokens)).toBe(longest.length)
          // Even holders have everything, odd ones only a beginning.
          const usable = (id: number) => (id % 2 === 0 ? Infinity : available)
          const best = [...held].map(([id, own]) => Math.min(commonLength(own, tokens), usable(id)))
          expect(tree.longestAvailable(tokens, usable)?.length ?? 0).toBe(Math.max(0, ...best))
          const beginnings = [...held].filter(([, own]) => own.length > 0 && commonLength(own, tokens) === own.length)
          expect(new Set(tree.beginningsOf(tokens))).toEqual(new Set(beginnings.map(([id]) => id)))
        }
        expect(tree.size).toBe(distinctBeginnings(held.values()))
        for (const [id, own] of held) expect(tree.lengthOf(id)).toBe(own.length)
      }
    }),
  )
})
