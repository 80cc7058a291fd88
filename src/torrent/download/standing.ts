/**
 * How the pieces turned out that an origin of blocks had a part in (libtorrent's trust points): right ones raise
 * its standing, wrong ones lower it. Honest peers recover from company that they did not choose.
 * @module
 */

/** What keeps a standing. It begins at 0. */
export interface Accountable {
  standing: number
}

/** What a wrong piece costs each contributor, and the most that right ones add up to (libtorrent). */
const COST = 2
const MOST = 8
/** After four wrong pieces without a right one (libtorrent). */
const UNACCEPTABLE = -7

/** A piece to which it contributed is right. */
export function raise(origin: Accountable): void {
  origin.standing = Math.min(MOST, origin.standing + 1)
}

/** A piece to which it contributed is wrong. */
export function lower(origin: Accountable): void {
  origin.standing -= COST
}

/** What it contributed to a wrong piece was right. */
export function restore(origin: Accountable): void {
  origin.standing = Math.min(MOST, origin.standing + COST)
}

/** Two records turn out to be of one. */
export function joinStandings(into: Accountable, other: Accountable): void {
  into.standing = Math.min(MOST, into.standing + other.standing)
}

/** True when it had a part in so many wrong pieces that it is not to go on. */
export function isUnacceptable(origin: Accountable): boolean {
  return origin.standing <= UNACCEPTABLE
}
