/**
 * The first 68 bytes of a connection: sends ours, waits for theirs, hands the stream on.
 * @module
 */

import { encodeHandshake, type Handshake, HandshakeReader, reservedBits } from '../wire/handshake.js'
import type { Scheduler, Task } from './scheduler.js'
import type { ByteStream, StreamListener } from './world.js'

export interface Identity {
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
}

export interface HandshakeOptions {
  readonly scheduler: Scheduler
  /** Time (ms) at which an unfinished handshake is given up. */
  readonly deadline: number
  /** The initiator's identity; without it we accept. */
  readonly ours?: Identity
  /** For an acceptor: the identity to answer with, or undefined when we do not know the infohash. */
  identify?(infoHash: Uint8Array): Identity | undefined
  /** Exactly one of these is called, once. After `done` the caller sets the stream's next listener. */
  done(handshake: Handshake, rest: Uint8Array, ours: Identity): void
  failed(code: string): void
}

/** Runs a handshake on a fresh stream; returns a function that gives it up. */
export function shakeHands(stream: ByteStream, options: HandshakeOptions): () => void {
  const handshaking = new Handshaking(stream, options)
  return () => handshaking.fail('wire/handshake-aborted')
}

class Handshaking implements StreamListener, Task {
  readonly #stream: ByteStream
  readonly #options: HandshakeOptions
  readonly #reader = new HandshakeReader()
  #ours: Identity | undefined
  #over = false

  constructor(stream: ByteStream, options: HandshakeOptions) {
    this.#stream = stream
    this.#options = options
    options.scheduler.schedule(this, options.deadline)
    if (options.ours) this.#introduce(options.ours)
    stream.listen(this)
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return
    this.#reader.receive(chunk)
    for (let event = this.#reader.poll(); event !== undefined && !this.#over; event = this.#reader.poll()) {
      if (event.type === 'error') this.fail(event.code)
      else if (event.type === 'infohash') this.#identify(event.infoHash)
      else if (this.#ours) {
        this.#finish()
        this.#options.done(event.handshake, event.rest, this.#ours)
      }
    }
  }

  drain(): void {}

  close(): void {
    this.fail('wire/handshake-cut')
  }

  run(): void {
    this.fail('wire/handshake-timeout')
  }

  fail(code: string): void {
    if (this.#over) return
    this.#finish()
    this.#stream.destroy()
    this.#options.failed(code)
  }

  #identify(infoHash: Uint8Array): void {
    const initiator = this.#options.ours
    if (initiator) {
      if (!infoHash.every((byte, at) => byte === initiator.infoHash[at])) this.fail('wire/wrong-infohash')
      return
    }
    const ours = this.#options.identify?.(infoHash)
    if (ours) this.#introduce(ours)
    else this.fail('wire/unknown-infohash')
  }

  #introduce(ours: Identity): void {
    this.#ours = ours
    const reserved = reservedBits({ extended: true, fast: true })
    this.#stream.write([encodeHandshake({ ...ours, reserved })])
  }

  #finish(): void {
    this.#over = true
    this.#options.scheduler.cancel(this)
  }
}
