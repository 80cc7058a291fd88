/**
 * A running digest of everything that happens in a virtual network. Two runs of one seed have the same
 * digest, or something in them depends on the machine.
 * @module
 */

export class Digest {
  readonly #time: Float64Array = new Float64Array(1)
  readonly #words: Uint32Array = new Uint32Array(this.#time.buffer)
  #a = 0x243f_6a88
  #b = 0x85a3_08d3

  time(ms: number): void {
    this.#time[0] = ms
    this.word(this.#words[0] as number)
    this.word(this.#words[1] as number)
  }

  word(word: number): void {
    const a = Math.imul(this.#a ^ word, 0x9e37_79b1)
    this.#a = (a << 13) | (a >>> 19)
    this.#b = (Math.imul(this.#b + word, 0x85eb_ca77) ^ this.#a) | 0
  }

  /** Length and a sample of the content: cheap, and enough to tell different messages apart. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.word(length)
    const step = Math.max(1, length >>> 3)
    for (let at = 0; at < length; at += step) this.word(bytes[at] as number)
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0')
  }
}
