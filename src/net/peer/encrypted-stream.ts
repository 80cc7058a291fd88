/**
 * A byte stream through RC4, after MSE selected it.
 * @module
 */

import type { Address } from '../../util/address.js'
import type { Rc4 } from '../../wire/mse/rc4.js'
import type { ByteStream, StreamListener, Transport } from '../world.js'

/** Bytes of a pooled send buffer: four blocks. */
const BUFFER = 65_536

/** Free send buffers kept for all streams, 2 MiB: what is being written by one fast peer, or by many slow ones. */
const KEPT = 32

/** Less than this gets memory of its own: a stream that stands still must not hold 64 KiB for a `have`. */
const SMALL = 8_192

const free: Uint8Array[] = []

/**
 * Decrypts what arrives where it lies, and encrypts what is sent in buffers of its own, since the bytes
 * to send may be cached data that goes to others too. Everything else is the stream below.
 */
export class EncryptedStream implements ByteStream, StreamListener {
  private readonly stream: ByteStream
  private readonly incoming: Rc4
  private readonly outgoing: Rc4
  private listener: StreamListener | undefined

  constructor(stream: ByteStream, ciphers: { readonly incoming: Rc4; readonly outgoing: Rc4 }) {
    this.stream = stream
    this.incoming = ciphers.incoming
    this.outgoing = ciphers.outgoing
  }

  get transport(): Transport {
    return this.stream.transport
  }

  get remote(): Address {
    return this.stream.remote
  }

  get local(): Address {
    return this.stream.local
  }

  get queued(): number {
    return this.stream.queued
  }

  listen(listener: StreamListener): void {
    this.listener = listener
    this.stream.listen(this)
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    let left = 0
    for (const chunk of chunks) left += chunk.length
    const buffers: Uint8Array[] = []
    const pooled: Uint8Array[] = []
    let buffer: Uint8Array | undefined
    let used = 0
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        if (!buffer) {
          const small = left < SMALL
          buffer = small ? new Uint8Array(left) : (free.pop() ?? new Uint8Array(BUFFER))
          if (!small) pooled.push(buffer)
          used = 0
        }
        const bytes = Math.min(buffer.length - used, chunk.length - at)
        // Copied first, so that all of the buffer is encrypted at once and on words.
        buffer.set(at === 0 && bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes), used)
        at += bytes
        used += bytes
        left -= bytes
        if (used < buffer.length && left > 0) continue
        const full = used === buffer.length ? buffer : buffer.subarray(0, used)
        this.outgoing.apply(full, full)
        buffers.push(full)
        buffer = undefined
      }
    }
    if (pooled.length === 0) return this.stream.write(buffers, sent)
    return this.stream.write(buffers, () => {
      for (const each of pooled) if (free.length < KEPT) free.push(each)
      sent?.()
    })
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  end(): void {
    this.stream.end()
  }

  destroy(): void {
    this.stream.destroy()
  }

  /** Called by the stream below, as the next two. */
  data(chunk: Uint8Array): void {
    this.incoming.apply(chunk, chunk)
    this.listener?.data(chunk)
  }

  drain(): void {
    this.listener?.drain()
  }

  close(error: Error | undefined): void {
    this.listener?.close(error)
  }
}
