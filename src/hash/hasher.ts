/**
 * What both sides of `#hash` offer besides their one-shot functions.
 * @module
 */

/** An incremental hash. */
export interface Hasher {
  /** Takes in more bytes; they may be reused right after. */
  update(bytes: Uint8Array): void
  /** The hash of everything taken in. Call it once; the hasher is of no use afterwards. */
  digest(): Uint8Array
}
