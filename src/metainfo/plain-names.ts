/**
 * The quick way through a list of files: most names are ASCII that no platform minds, and no two of them meet.
 * One walk over the bytes of a name tells both.
 * @module
 */

import { fromUtf8 } from '../util/bytes.js'
import { DEVICE, PLAIN } from './paths.js'

/** Bytes in a name that is told here; others take the slow way. */
const LONGEST = 80

/** Reads the names of one list of files, and remembers a hash of every path and folder. */
export class PlainNames {
  /** Two hashes of the name that was read last, the same for capitals and small letters. */
  #hash = 0
  #second = 0
  /** Two of each path and folder; the lowest bit of the second is set for a file. */
  readonly #marks: number[] = []
  #unknown = false

  /** The name when it is ASCII that `safeName` would not change, or undefined. */
  text(bytes: Uint8Array): string | undefined {
    const { length } = bytes
    const last = bytes[length - 1]
    if (length === 0 || length > LONGEST || last === SPACE || last === DOT) return undefined
    let hash = length
    let second = 0
    for (let i = 0; i < length; i++) {
      const folded = FOLDED[bytes[i] as number] as number
      if (folded === 0) return undefined
      hash = Math.imul(hash ^ folded, 0x01000193)
      second = (Math.imul(second, 0x2c1b3c6d) + folded) | 0
    }
    this.#hash = hash
    this.#second = second
    const text = fromUtf8(bytes)
    return DEVICE_LETTERS[bytes[0] as number] === 1 && DEVICE.test(text) ? undefined : text
  }

  /** Takes in the folder of the name that was read last; `above` is 0 or what this returned for the folder around it. */
  folder(above: number): number {
    const mark = this.#below(above)
    this.#marks.push(mark, this.#mixed(above) & ~1)
    return mark
  }

  /** Takes in the file of the name that was read last. */
  file(above: number): void {
    this.#marks.push(this.#below(above), this.#mixed(above) | 1)
  }

  /** Takes in a path that was read in another way. */
  other(): void {
    this.#unknown = true
  }

  /**
   * False when no two of the paths are equal after `foldName`, and none is the folder of another. Equal hashes
   * count as equal paths, which costs time and nothing else.
   */
  mayMeet(): boolean {
    if (this.#unknown) return true
    const marks = this.#marks
    let slots = 16
    while (slots < marks.length) slots *= 2
    const table = new Int32Array(2 * slots)
    for (let i = 0; i < marks.length; i += 2) {
      const mark = marks[i] as number
      const second = marks[i + 1] as number
      let slot = mark & (slots - 1)
      // Names chosen by their hashes are compared the slow way, not in a long search.
      for (let tries = 0; ; tries++, slot = (slot + 1) & (slots - 1)) {
        const found = table[2 * slot + 1] as number
        if (found === 0) break
        if (tries === 64) return true
        if (table[2 * slot] !== mark || (found ^ second) >>> 1 !== 0) continue
        if (found !== second || (second & 1) === 1) return true
        break
      }
      table[2 * slot] = mark
      table[2 * slot + 1] = second
    }
    return false
  }

  #below(above: number): number {
    const mixed = Math.imul(above ^ this.#hash ^ (this.#hash >>> 13), 0x2c1b3c6d)
    return mixed ^ (mixed >>> 15)
  }

  /** Never 0 or 1, for 0 is a free slot. */
  #mixed(above: number): number {
    return Math.imul(above + this.#second, 0x01000193) | 2
  }
}

const SPACE = 0x20
const DOT = 0x2e

/** The bytes of plain names, capitals as small letters, and 0 for all others. */
const FOLDED: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte)
  return byte === SPACE || PLAIN.test(`${text}x`) ? text.toLowerCase().charCodeAt(0) : 0
})

/** 1 for what the name of a device may begin with. */
const DEVICE_LETTERS: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  'acnplACNPL'.includes(String.fromCharCode(byte)) ? 1 : 0,
)
