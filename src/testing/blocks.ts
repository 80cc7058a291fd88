/**
 * Blocks of virtual files. Equal blocks are one object in a network, so that fifty hosts with the same
 * torrent need the memory of one.
 * @module
 */

/** Bytes per block of a virtual file. */
export const BLOCK = 16_384

/** Places of a block that make its key: random data differs in any of them, sparse data is compared. */
const SAMPLES: readonly number[] = [0, 1, 2, 3, 500, 5_003, 8_191, 12_347, 16_382, 16_383]

export class SharedBlocks {
  readonly #byKey: Map<number, Uint8Array[]> = new Map()

  /** The one block with this content (`BLOCK` bytes, copied when new). Nobody may change it. */
  share(content: Uint8Array): Uint8Array {
    let key = 0
    for (const at of SAMPLES) key = (Math.imul(key, 0x0100_0193) ^ (content[at] as number)) | 0
    let same = this.#byKey.get(key)
    if (!same) {
      same = []
      this.#byKey.set(key, same)
    }
    const known = same.find((block) => Buffer.compare(block, content) === 0)
    if (known) return known
    const block = content.slice()
    same.push(block)
    return block
  }
}
