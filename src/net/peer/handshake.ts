/**
 * The opening of a connection: MSE where the connection is encrypted, then 68 bytes of ours and theirs.
 * Hands the stream on afterwards.
 * @module
 */

import { concatBytes, equalBytes } from '../../util/bytes.js'
import type { Random } from '../../util/random.js'
import {
  encodeHandshake,
  type Handshake,
  HandshakeReader,
  reservedBits,
  supports,
} from '../../wire/handshake.js'
import { type CryptoMethod, MseAcceptor, type MseEvent, MseInitiator } from '../../wire/mse/mse.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { ByteStream, StreamListener } from '../world.js'
import { EncryptedStream } from './encrypted-stream.js'
import { nodeKeyExchange } from './key-exchange.js'

export interface Identity {
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  /**
   * The truncated v2 infohash of a hybrid whose v1 hash is {@link infoHash}. As initiator we tell that we
   * know it and accept it as answer; as acceptor we answer with it where the initiator knows it too: then
   * the connection speaks v2 (BEP 52).
   */
  readonly upgrade?: Uint8Array
  /** We take part in the DHT with this torrent (BEP 5). */
  readonly dht?: boolean
}

/** How a handshake may be, or is, encrypted. */
export interface HandshakeSecurity {
  readonly random: Random
  /** What we provide as initiator; as acceptor what we select from, the most welcome first. */
  readonly methods: readonly CryptoMethod[]
  /** For an acceptor: turns plain handshakes away. */
  readonly required?: boolean
  /** For an acceptor: the infohash that a hashed key means, see `SkeyTable`. */
  find?(hash: Uint8Array): Uint8Array | undefined
}

/** What the remote said, and how what follows is encrypted. */
export interface Greeting extends Handshake {
  /** Undefined for a plain connection; `plaintext` when only the handshake was encrypted. */
  readonly encryption: CryptoMethod | undefined
}

export interface HandshakeOptions {
  readonly scheduler: Scheduler
  /** Time (ms) at which an unfinished handshake is given up. */
  readonly deadline: number
  /** The initiator's identity; without it we accept. */
  readonly ours?: Identity
  /** An initiator with this opens encrypted, an acceptor takes encrypted handshakes too. Without it all is plain. */
  readonly security?: HandshakeSecurity
  /** For an acceptor: who we are to those who name this infohash (either one of a hybrid), or undefined when we do not know it. */
  identify?(infoHash: Uint8Array): Identity | undefined
  /**
   * Exactly one of these is called, once. After `done` the caller sets the next listener of `stream`, which
   * is the given one or goes through it. The infohash of `handshake` is the one that the connection
   * speaks: the acceptor's choice.
   */
  done(handshake: Greeting, rest: Uint8Array, ours: Identity, stream: ByteStream): void
  failed(code: string): void
}

/** Runs a handshake on a fresh stream; returns a function that gives it up. */
export function shakeHands(stream: ByteStream, options: HandshakeOptions): () => void {
  const handshaking = new Handshaking(stream, options)
  return () => handshaking.fail('wire/handshake-aborted')
}

/**
 * | phase | bytes that come | then |
 * |---|---|---|
 * | `unknown`: an acceptor that may be spoken to in both ways | the 20 that open a plain handshake | `plain` |
 * | | anything else | `mse`, from the first byte on |
 * | `mse` | | `plain`, through the ciphers that came of it |
 * | `plain` | 68 | `done` |
 */
class Handshaking implements StreamListener, Task {
  readonly #options: HandshakeOptions
  #stream: ByteStream
  #phase: 'unknown' | 'mse' | 'plain'
  #reader = new HandshakeReader()
  /** What came while it was unknown what it is: the first bytes of a plain handshake, or of a key that looks alike. */
  #early: Uint8Array = NOTHING
  #mse: MseInitiator | MseAcceptor | undefined
  #secured: Extract<MseEvent, { type: 'done' }> | undefined
  #ours: Identity | undefined
  #over = false

  constructor(stream: ByteStream, options: HandshakeOptions) {
    const { ours, security } = options
    this.#stream = stream
    this.#options = options
    this.#phase = ours ? (security ? 'mse' : 'plain') : security?.find ? 'unknown' : 'plain'
    options.scheduler.schedule(this, options.deadline)
    if (ours && security) {
      const { random, methods: provide } = security
      this.#ours = ours
      this.#mse = new MseInitiator({
        random,
        exchange: nodeKeyExchange,
        skey: ours.infoHash,
        provide,
        // Transmission (3.00) reads an initial payload as plain when it selects plaintext.
        payload: provide.includes('rc4') ? introduction(ours) : NOTHING,
      })
      this.#advance(this.#mse)
    } else if (ours) this.#introduce(ours)
    stream.listen(this)
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return
    if (this.#mse && this.#phase === 'mse') {
      this.#mse.receive(chunk)
      this.#advance(this.#mse)
      return
    }
    if (this.#phase === 'unknown') this.#early = concatBytes(this.#early, chunk)
    this.#reader.receive(chunk)
    for (let event = this.#reader.poll(); event !== undefined && !this.#over; event = this.#reader.poll()) {
      if (event.type === 'error' && this.#phase === 'unknown') this.#acceptEncrypted()
      else if (event.type === 'error') this.fail(event.code)
      else if (event.type === 'infohash') this.#identify(event.infoHash, event.reserved)
      else if (this.#ours) {
        this.#finish()
        const infoHash = this.#options.ours ? event.handshake.infoHash : this.#ours.infoHash
        const greeting = { ...event.handshake, infoHash, encryption: this.#secured?.method }
        this.#options.done(greeting, event.rest, this.#ours, this.#stream)
      }
    }
  }

  drain(): void {}

  close(): void {
    this.fail(this.#phase === 'mse' ? 'mse/cut' : 'wire/handshake-cut')
  }

  run(): void {
    this.fail(this.#phase === 'mse' ? 'mse/timeout' : 'wire/handshake-timeout')
  }

  fail(code: string): void {
    if (this.#over) return
    this.#finish()
    this.#stream.destroy()
    this.#options.failed(code)
  }

  /** The first bytes are no plain handshake. */
  #acceptEncrypted(): void {
    const { random, methods: select, find } = this.#options.security as HandshakeSecurity
    this.#phase = 'mse'
    this.#mse = new MseAcceptor({
      random,
      exchange: nodeKeyExchange,
      select,
      find: (hash) => find?.(hash),
    })
    const early = this.#early
    this.#early = NOTHING
    this.#mse.receive(early)
    this.#advance(this.#mse)
  }

  /** Sends what the MSE core wants to send; goes on through its ciphers once it is done. */
  #advance(mse: MseInitiator | MseAcceptor): void {
    for (let bytes = mse.transmit(); bytes !== undefined; bytes = mse.transmit()) this.#stream.write([bytes])
    const event = mse.poll()
    if (event?.type === 'error') this.fail(event.code)
    if (event?.type !== 'done') return
    this.#secured = event
    this.#phase = 'plain'
    this.#reader = new HandshakeReader()
    if (event.ciphers) {
      this.#stream = new EncryptedStream(this.#stream, event.ciphers)
      this.#stream.listen(this)
    }
    const { ours, security } = this.#options
    if (ours && !security?.methods.includes('rc4')) this.#introduce(ours)
    if (event.payload.length > 0) this.data(event.payload)
  }

  #identify(infoHash: Uint8Array, reserved: Uint8Array): void {
    const { ours: initiator, identify } = this.#options
    if (initiator) {
      const { upgrade } = initiator
      if (equalBytes(infoHash, initiator.infoHash) || (upgrade && equalBytes(infoHash, upgrade))) return
      this.fail('wire/wrong-infohash')
      return
    }
    this.#early = NOTHING
    if (this.#phase === 'unknown' && this.#options.security?.required) {
      this.fail('mse/required')
      return
    }
    this.#phase = 'plain'
    if (this.#secured && !equalBytes(infoHash, this.#secured.skey)) {
      this.fail('mse/other-infohash')
      return
    }
    const ours = identify?.(infoHash)
    if (!ours) {
      this.fail('wire/unknown-infohash')
      return
    }
    const { peerId, dht = false, upgrade } = ours
    // Our answer names the infohash that the connection speaks, and offers no other.
    const spoken = upgrade && supports(reserved).v2upgrade ? upgrade : infoHash
    this.#introduce({ infoHash: spoken, peerId, dht })
  }

  #introduce(ours: Identity): void {
    this.#ours = ours
    this.#stream.write([introduction(ours)])
  }

  #finish(): void {
    this.#over = true
    this.#options.scheduler.cancel(this)
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)

function introduction(ours: Identity): Uint8Array {
  const v2upgrade = ours.upgrade !== undefined
  const dht = ours.dht === true
  return encodeHandshake({ ...ours, reserved: reservedBits({ extended: true, fast: true, dht, v2upgrade }) })
}
