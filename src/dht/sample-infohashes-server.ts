/**
 * Which infohashes a node shows to a crawler (BEP 51): the same random few for a while, so that asking
 * again and again is no way to learn all of them.
 * @module
 */

/** ms that one sample is shown; the interval told is what is left of it. BEP 51 allows up to 6 h. */
export const SAMPLE_LIFE = 600_000
/** Infohashes of one sample: 400 bytes, which leaves room for 8 nodes of both families in 1,024. */
export const SAMPLE_SIZE = 20

export class SampleServer {
  #samples: Uint8Array = new Uint8Array(0)
  #drawn: number = Number.NEGATIVE_INFINITY

  /**
   * The sample to show: 20 bytes an infohash. `num` infohashes are stored; `draw` takes up to so many of
   * them at random. `interval` is in seconds: before that, asking again shows nothing new.
   */
  sample(
    num: number,
    draw: (count: number) => Uint8Array,
    now: number,
  ): { readonly samples: Uint8Array; readonly interval: number } {
    const isOld = now - this.#drawn >= SAMPLE_LIFE || now < this.#drawn
    // While there are fewer than a sample holds, there is nothing to hide.
    if (isOld || this.#samples.length < 20 * Math.min(num, SAMPLE_SIZE)) {
      this.#samples = draw(SAMPLE_SIZE)
      this.#drawn = now
    }
    return { samples: this.#samples, interval: Math.ceil((this.#drawn + SAMPLE_LIFE - now) / 1000) }
  }
}
