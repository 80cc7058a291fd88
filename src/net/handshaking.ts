/**
 * The first 68 bytes of a connection: sends ours, waits for theirs, hands the stream on.
 * @module
 */

import { equalBytes } from '../util/bytes.js'
import {
  encodeHandshake,
  type Handshake,
  HandshakeReader,
  reservedBits,
  supports,
} from '../wire/handshake.js'
import type { Scheduler, Task } from './scheduler.js'
import type { ByteStream, StreamListener } from './world.js'

export interface Identity {
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  /**
   * The truncated v2 infohash of a hybrid whose v1 hash is {@link infoHash}. As initiator we tell that we
   * know it and accept it as answer; as acceptor we answer with it where the initiator knows it too: then
   * the connection speaks v2 (BEP 52).
   */
  readonly upgrade?: Uint8Array
}

export interface HandshakeOptions {
  readonly scheduler: Scheduler
  /** Time (ms) at which an unfinished handshake is given up. */
  readonly deadline: number
  /** The initiator's identity; without it we accept. */
  readonly ours?: Identity
  /** For an acceptor: who we are to those who name this infohash (either one of a hybrid), or undefined when we do not know it. */
  identify?(infoHash: Uint8Array): Identity | undefined
  /**
   * Exactly one of these is called, once. After `done` the caller sets the stream's next listener. The
   * infohash of `handshake` is the one that the connection speaks: the acceptor's choice.
   */
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
      else if (event.type === 'infohash') this.#identify(event.infoHash, event.reserved)
      else if (this.#ours) {
        this.#finish()
        const infoHash = this.#options.ours ? event.handshake.infoHash : this.#ours.infoHash
        this.#options.done({ ...event.handshake, infoHash }, event.rest, this.#ours)
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

  #identify(infoHash: Uint8Array, reserved: Uint8Array): void {
    const { ours: initiator, identify } = this.#options
    if (initiator) {
      const { upgrade } = initiator
      if (equalBytes(infoHash, initiator.infoHash) || (upgrade && equalBytes(infoHash, upgrade))) return
      this.fail('wire/wrong-infohash')
      return
    }
    const ours = identify?.(infoHash)
    if (!ours) this.fail('wire/unknown-infohash')
    else if (ours.upgrade && supports(reserved).v2upgrade) {
      this.#introduce({ infoHash: ours.upgrade, peerId: ours.peerId })
    } else this.#introduce({ infoHash, peerId: ours.peerId })
  }

  #introduce(ours: Identity): void {
    this.#ours = ours
    const v2upgrade = ours.upgrade !== undefined
    const reserved = reservedBits({ extended: true, fast: true, v2upgrade })
    this.#stream.write([encodeHandshake({ ...ours, reserved })])
  }

  #finish(): void {
    this.#over = true
    this.#options.scheduler.cancel(this)
  }
}
