/** Where a member stands; only its roster moves it. */
export interface Place<Member> {
  readonly member: Member
  index: number
}

/**
 * Those that are here now, where thousands come and go each second. Not a `Set`: whenever that makes room it leaves its
 * old table pointing to the new one, for iterators (`SetNextTable` in
 * https://github.com/v8/v8/blob/main/src/objects/ordered-hash-table.cc). Once one such table is old, all that come
 * after it, and a request or answer of each of their members, live until the next full collection: measured, a tenth of
 * everything that was allocated.
 */
export class Roster<Member> {
  readonly #places: Place<Member>[] = []

  get size(): number {
    return this.#places.length
  }

  add(member: Member): Place<Member> {
    const place = { member, index: this.#places.length }
    this.#places.push(place)
    return place
  }

  /** The last one takes the place. What has left already may leave again. */
  remove(place: Place<Member>): void {
    if (this.#places[place.index] !== place) return
    const last = this.#places.pop()
    if (!last || last === place) return
    last.index = place.index
    this.#places[place.index] = last
  }

  /** Those called may leave meanwhile: from the end on, who takes a place was called before. */
  forEach(call: (member: Member) => void): void {
    for (let index = this.#places.length - 1; index >= 0; index--) {
      const place = this.#places[index]
      if (place) call(place.member)
    }
  }
}
