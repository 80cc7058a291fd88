/**
 * One file of a torrent over its content: what {@link TorrentFile} promises.
 * @module
 */

import type { MetainfoFile } from '../../metainfo/model.js'
import type { StreamOptions, TorrentFile } from './file-api.js'
import type { ReadRange } from './reading.js'

/** What a {@link ContentFile} asks of its torrent. */
export interface FileHost {
  /** Verified bytes of the file. */
  fileVerified(index: number): number
  fileLocation(index: number): string | undefined
  filePriority(index: number): number
  setFilePriority(index: number, priority: number): void
  /** The bytes `start` to `end` (excluded) of the file, to be read one after another until `leave`. */
  rangeOf(index: number, start: number, end: number, signal: AbortSignal | undefined): ReadRange
  /** The next verified bytes of a range, waiting for them if need be: at least 1, at most `most`. */
  read(range: ReadRange, most: number): Promise<Uint8Array>
  /** Nobody reads the range any more. */
  leave(range: ReadRange): void
}

/** Bytes read per step of a stream. */
const STEP = 256 * 1024

/** The file behind {@link TorrentFile}, over the content of its torrent. */
export class ContentFile implements TorrentFile {
  readonly index: number
  readonly path: string
  readonly name: string
  readonly length: number
  readonly offset: number
  readonly #host: FileHost

  constructor(host: FileHost, index: number, file: MetainfoFile) {
    this.#host = host
    this.index = index
    this.path = file.path.join('/')
    this.name = file.path.at(-1) ?? ''
    this.length = file.length
    this.offset = file.offset
  }

  get absolutePath(): string | undefined {
    return this.#host.fileLocation(this.index)
  }

  get verified(): number {
    return this.#host.fileVerified(this.index)
  }

  get progress(): number {
    return this.length === 0 ? 1 : this.verified / this.length
  }

  get priority(): number {
    return this.#host.filePriority(this.index)
  }

  set priority(value: number) {
    this.#host.setFilePriority(this.index, value)
  }

  async *stream(options: StreamOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const start = options.start ?? 0
    const end = options.end ?? this.length - 1
    if (!Number.isInteger(start) || start < 0 || start > this.length) {
      throw new RangeError(`start must be in 0 .. ${this.length}, got ${start}`)
    }
    if (!Number.isInteger(end) || end < start - 1 || end >= Math.max(this.length, 0)) {
      if (this.length > 0) throw new RangeError(`end must be in ${start} .. ${this.length - 1}, got ${end}`)
    }
    if (start > end) return
    const range = this.#host.rangeOf(this.index, start, end + 1, options.signal)
    try {
      while (range.position < range.end) {
        const chunk = await this.#host.read(range, STEP)
        range.position += chunk.length
        yield chunk
      }
    } finally {
      this.#host.leave(range)
    }
  }
}
