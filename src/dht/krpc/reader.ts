/**
 * A cursor over the bencoding of a datagram: reads what is asked for and walks over the rest, without a tree
 * of values, without recursion, and without an exception.
 * @module
 */

const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const DICT = 0x64
const END = 0x65
const INTEGER = 0x69
const LIST = 0x6c

const NOTHING = new Uint8Array(0)

class KrpcReader {
  /** Where the next value begins. */
  at = 0
  /** The string that {@link KrpcReader.string} found. */
  from = 0
  to = 0
  private bytes: Uint8Array = NOTHING
  private stop = 0

  begin(bytes: Uint8Array): void {
    this.bytes = bytes
    this.stop = bytes.length
    this.at = 0
  }

  /** Lets go of the datagram. */
  end(): void {
    this.bytes = NOTHING
  }

  /** True, and goes in, when a dictionary begins here. */
  enterDict(): boolean {
    if (this.bytes[this.at] !== DICT) return false
    this.at++
    return true
  }

  /** True, and goes in, when a list begins here. */
  enterList(): boolean {
    if (this.bytes[this.at] !== LIST) return false
    this.at++
    return true
  }

  /** True at the end of a dictionary or list. */
  get isAtEnd(): boolean {
    return this.bytes[this.at] === END
  }

  get isAtString(): boolean {
    const lead = this.bytes[this.at] as number
    return lead >= ZERO && lead <= NINE
  }

  get isAtInteger(): boolean {
    return this.bytes[this.at] === INTEGER
  }

  /** Reads `<length>:<bytes>` here; false when that is not there. */
  string(): boolean {
    const { bytes, stop } = this
    let { at } = this
    let byte = bytes[at] as number
    if (!(byte >= ZERO && byte <= NINE)) return false
    let length = byte - ZERO
    at++
    for (byte = bytes[at] as number; byte >= ZERO && byte <= NINE; byte = bytes[at] as number) {
      length = length * 10 + (byte - ZERO)
      if (length > stop) return false
      at++
    }
    if (byte !== COLON) return false
    this.from = at + 1
    this.to = this.from + length
    if (this.to > stop) return false
    this.at = this.to
    return true
  }

  /** The string value here, or undefined (walked over) for another type. */
  stringValue(): Uint8Array | undefined {
    return this.isStringValue() ? this.view(this.from, this.to) : undefined
  }

  /** True when a string value was here, now from `from` to `to`; anything else is walked over. */
  isStringValue(): boolean {
    if (this.isAtString) return this.string()
    this.skip()
    return false
  }

  /** Reads `i<digits>e` here; undefined when it is none, or longer than 64 bits need. */
  integer(): number | bigint | undefined {
    const { bytes } = this
    let at = this.at + 1
    const isNegative = bytes[at] === MINUS
    if (isNegative) at++
    const first = at
    let value = 0
    for (;;) {
      const byte = bytes[at] as number
      if (byte === END) break
      if (!(byte >= ZERO && byte <= NINE) || at - first >= 20) return undefined
      value = value * 10 + (byte - ZERO)
      at++
    }
    if (at === first) return undefined
    this.at = at + 1
    if (value <= Number.MAX_SAFE_INTEGER) return isNegative && value !== 0 ? -value : value
    let digits = ''
    for (let i = first; i < at; i++) digits += String.fromCharCode(bytes[i] as number)
    return isNegative ? -BigInt(digits) : BigInt(digits)
  }

  /** The integer value here, or undefined (walked over) for another type. */
  integerValue(): number | bigint | undefined {
    if (this.isAtInteger) return this.integer()
    this.skip()
    return undefined
  }

  /** Walks over the value here, however deep: a count instead of recursion. False when it is broken. */
  skip(): boolean {
    const { bytes } = this
    let depth = 0
    do {
      const lead = bytes[this.at]
      if (lead === DICT || lead === LIST) {
        depth++
        this.at++
      } else if (lead === END) {
        if (depth === 0) return false
        depth--
        this.at++
      } else if (lead === INTEGER) {
        if (this.integer() === undefined) return false
      } else if (!this.string()) return false
    } while (depth > 0)
    return true
  }

  /** True when the string last read, known to have as many bytes as `text`, is `text`. */
  is(text: string): boolean {
    const { bytes, from } = this
    for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
    return true
  }

  /** The first byte of the string last read. */
  get lead(): number {
    return this.bytes[this.from] as number
  }

  /** The bytes from `from` up to `to`: plain ones, as a Buffer's own views are Buffers, slow and not for all to see. */
  view(from: number, to: number): Uint8Array {
    const { bytes } = this
    return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from)
  }

  /** Copies the string last read into memory that is as long. */
  copyTo(memory: Uint8Array): Uint8Array {
    const { bytes, from } = this
    for (let i = 0; i < memory.length; i++) memory[i] = bytes[from + i] as number
    return memory
  }

  /** Printable ASCII of remote text; everything else becomes a question mark, as it may end in a log. */
  text(from: number, to: number): string {
    let text = ''
    for (let at = from; at < to; at++) {
      const byte = this.bytes[at] as number
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?'
    }
    return text
  }
}

/** The one reader: decoding is synchronous and never nests. */
export const reader: KrpcReader = new KrpcReader()
