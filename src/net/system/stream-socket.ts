/**
 * A stream of a world as Node's HTTP and TLS want it.
 * @module
 */

import { Duplex } from 'node:stream'
import type { ByteStream } from '../world.js'

/** Bytes that wait for their reader, and for the stream. */
const BUFFER = 65_536

/** A {@link ByteStream} as a Node stream, which owns it from then on. */
export class StreamSocket extends Duplex {
  readonly stream: ByteStream
  /** Bytes read and written so far: what changes while the connection lives. */
  moved = 0

  constructor(stream: ByteStream) {
    super({ highWaterMark: BUFFER, allowHalfOpen: false })
    this.stream = stream
    // Errors reach those who wait for bytes; without a listener one would end the process.
    this.on('error', ignore)
    stream.pause()
    stream.listen({
      data: (chunk) => {
        this.moved += chunk.length
        // The bytes are lent.
        if (!this.push(Buffer.from(chunk))) stream.pause()
      },
      drain() {},
      close: (error) => {
        if (error) this.destroy(error)
        else this.push(null)
      },
    })
  }

  override _read(): void {
    this.stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send([chunk], done)
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: () => void): void {
    this.stream.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stream.destroy()
    done(error)
  }

  #send(chunks: readonly Uint8Array[], done: () => void): void {
    this.stream.write(chunks, () => {
      for (const { length } of chunks) this.moved += length
      // In a turn of its own: a stream that broke takes every write at once, and tells of its end in a later turn,
      // which a writer that goes on and on would keep from coming.
      setImmediate(done)
    })
  }
}

function ignore(): void {}
