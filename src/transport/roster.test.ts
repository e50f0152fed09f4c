import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Roster, type Place } from './roster.ts'

test('whoever came and has not left is there once, in whatever order they come and leave', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (steps) => {
      const roster = new Roster<number>()
      const here = new Map<number, Place<number>>()
      for (const member of steps) {
        const place = here.get(member)
        if (place) {
          roster.remove(place)
          roster.remove(place)
          here.delete(member)
        } else here.set(member, roster.add(member))
      }
      const seen: number[] = []
      roster.forEach((member) => seen.push(member))
      expect(new Set(seen)).toEqual(new Set(here.keys()))
      expect(seen).toHaveLength(here.size)
      expect(roster.size).toBe(here.size)
    }),
  )
})

test('those who leave while all are called are not missed, nor called twice', () => {
  const roster = new Roster<string>()
  const places = ['first', 'second', 'third'].map((name) => roster.add(name))
  const called: string[] = []
  roster.forEach((name) => {
    called.push(name)
    for (const place of places) if (place.member === name) roster.remove(place)
  })
  expect(called.sort()).toEqual(['first', 'second', 'third'])
  expect(roster.size).toBe(0)
})
