/**
 * Message stream encryption, MSE/PE: the handshake that comes before the BitTorrent handshake on a
 * connection that shall not look like one. It runs over any byte stream.
 *
 * | step | sender | bytes |
 * |---|---|---|
 * | 1 | initiator | Ya (96), PadA (0 .. 512) |
 * | 2 | acceptor | Yb (96), PadB (0 .. 512) |
 * | 3 | initiator | HASH(`req1`, S), HASH(`req2`, SKEY) xor HASH(`req3`, S), encrypted: VC (8), provide u32, PadC with u16 length, IA with u16 length |
 * | 4 | acceptor | encrypted: VC (8), select u32, PadD with u16 length; then payload by the selected method |
 * | 5 | initiator | payload by the selected method |
 *
 * IA, the initial payload, is the initiator's BitTorrent handshake. Both cores see no clock: the program that owns
 * one ends a handshake that is slow. What they keep of the remote has a fixed size.
 * @module
 */

import { concatBytes, equalBytes, readU16, readU32, writeU16, writeU32 } from '../../util/bytes.js'
import { below, type Random } from '../../util/random.js'
import {
  isDegenerate,
  KEY_LENGTH,
  labelled,
  type MakeKeyExchange,
  PRIVATE_KEY_LENGTH,
  streamCiphers,
  xorHashes,
} from './keys.js'
import type { Rc4 } from './rc4.js'

/** How the payload travels after the handshake: encrypted, or as it is. */
export type CryptoMethod = 'rc4' | 'plaintext'

/** Why a handshake failed. */
export type MseFailure =
  /** A public key that makes the secret known to anybody. */
  | 'mse/degenerate-key'
  /** The mark that ends the padding did not come in time. */
  | 'mse/no-sync'
  /** Encrypted for a torrent that is not here. */
  | 'mse/unknown-skey'
  /** The verification constant decrypts to something else. */
  | 'mse/bad-verification'
  /** Nothing that the initiator provides is allowed here. */
  | 'mse/no-common-method'
  /** The acceptor selected none, several, or what was not provided. */
  | 'mse/bad-select'
  /** More than 512 bytes of padding. */
  | 'mse/pad-too-long'
  /** An initial payload of more than 4 KiB. */
  | 'mse/payload-too-long'

export type MseEvent =
  | {
      readonly type: 'done'
      readonly method: CryptoMethod
      /** With RC4: what decrypts all further bytes that arrive, and what encrypts all further ones that leave. */
      readonly ciphers: { readonly incoming: Rc4; readonly outgoing: Rc4 } | undefined
      /** The infohash that served as key. */
      readonly skey: Uint8Array
      /** What has come of the remote's payload so far, decrypted. */
      readonly payload: Uint8Array
    }
  | { readonly type: 'error'; readonly code: MseFailure; readonly message: string }

/** What both sides need. */
export interface MseOptions {
  readonly random: Random
  readonly exchange: MakeKeyExchange
}

export interface MseInitiatorOptions extends MseOptions {
  /** The infohash that will be in the handshake. */
  readonly skey: Uint8Array
  /** What the acceptor may select from; at least one. */
  readonly provide: readonly CryptoMethod[]
  /** Sent with step 3, at most 65,535 bytes: the BitTorrent handshake. */
  readonly payload: Uint8Array
}

export interface MseAcceptorOptions extends MseOptions {
  /** What we allow, the most welcome first; at least one. */
  readonly select: readonly CryptoMethod[]
  /** The infohash whose HASH(`req2`, infohash) this is, see `SkeyTable.find`. */
  readonly find: (hash: Uint8Array) => Uint8Array | undefined
}

const MAX_PAD = 512
const HASH_LENGTH = 20
/** The verification constant: 8 zero bytes. */
const VC_LENGTH = 8
/** Longest initial payload that we take; a handshake has 68 bytes, some clients add their first messages. */
const MAX_PAYLOAD = 4_096

const BITS: Readonly<Record<CryptoMethod, number>> = { plaintext: 1, rc4: 2 }

/** What both cores share: a buffer for all of the remote's handshake, and its reading. */
export abstract class MseCore {
  protected readonly random: Random
  protected readonly privateKey: Uint8Array
  protected readonly exchange: MakeKeyExchange
  protected readonly buffer: Uint8Array
  /** Bytes in the buffer, and those of them that are dealt with. */
  protected length = 0
  protected at = 0
  readonly #events: MseEvent[] = []
  readonly #output: Uint8Array[] = []
  #over = false

  constructor(options: MseOptions, longest: number) {
    this.random = options.random
    this.privateKey = options.random.bytes(PRIVATE_KEY_LENGTH)
    this.exchange = options.exchange
    this.buffer = new Uint8Array(longest)
  }

  /** The next event, or undefined. Nothing follows `done` or `error`. */
  poll(): MseEvent | undefined {
    return this.#events.shift()
  }

  /** Bytes to send now, or undefined. */
  transmit(): Uint8Array | undefined {
    return this.#output.shift()
  }

  /** Takes the next bytes, which are borrowed. Those after the last event are ignored. */
  receive(chunk: Uint8Array): void {
    if (this.#over) return
    const taken = Math.min(chunk.length, this.buffer.length - this.length)
    this.buffer.set(view(chunk, 0, taken), this.length)
    this.length += taken
    while (!this.#over && this.step());
    if (this.#over) return
    const result = this.result
    if (result === undefined) return
    this.#over = true
    const { early, method, incoming, outgoing, skey } = result
    const rest = concatBytes(view(this.buffer, this.at, this.length), view(chunk, taken, chunk.length))
    const ciphers = method === 'rc4' ? { incoming, outgoing } : undefined
    ciphers?.incoming.apply(rest, rest)
    this.#events.push({ type: 'done', method, ciphers, skey, payload: concatBytes(early, rest) })
  }

  /** Deals with the next part of the handshake; false when more bytes are needed or all is done. */
  protected abstract step(): boolean

  /** Set once the remote's handshake is complete. `early` is payload that came inside it. */
  protected abstract readonly result:
    | {
        readonly method: CryptoMethod
        readonly incoming: Rc4
        readonly outgoing: Rc4
        readonly skey: Uint8Array
        readonly early: Uint8Array
      }
    | undefined

  protected send(...parts: readonly Uint8Array[]): void {
    this.#output.push(concatBytes(...parts))
  }

  /** Ends the handshake. */
  protected fail(code: MseFailure, message: string): false {
    this.#over = true
    this.#events.push({ type: 'error', code, message })
    return false
  }

  /** The next `length` bytes, or undefined until they are here. A view into the buffer. */
  protected take(length: number): Uint8Array | undefined {
    if (this.length - this.at < length) return undefined
    this.at += length
    return view(this.buffer, this.at - length, this.at)
  }

  /** Skips padding up to and with `mark`; false when it has not come yet, or failed. */
  protected sync(mark: Uint8Array): boolean {
    const last = KEY_LENGTH + MAX_PAD
    for (; this.at <= last && this.at + mark.length <= this.length; this.at++) {
      if (!startsWith(this.buffer, this.at, mark)) continue
      this.at += mark.length
      return true
    }
    return this.at <= last ? false : this.fail('mse/no-sync', `no mark within ${MAX_PAD} bytes of padding`)
  }

  protected padding(): Uint8Array {
    return this.random.bytes(below(this.random, MAX_PAD + 1))
  }
}

/**
 * The side that dialled. Drain `transmit` right after making it.
 *
 * | waits for | then |
 * |---|---|
 * | Yb | sends step 3 |
 * | the encrypted VC within 512 bytes | |
 * | select, length of PadD | |
 * | PadD | `done` |
 */
export class MseInitiator extends MseCore {
  protected result: MseCore['result']
  readonly #options: MseInitiatorOptions
  readonly #side: ReturnType<MakeKeyExchange>
  #waits: 'key' | 'mark' | 'select' | 'pad' | 'nothing' = 'key'
  #ciphers: { readonly incoming: Rc4; readonly outgoing: Rc4 } | undefined
  #mark: Uint8Array = new Uint8Array(VC_LENGTH)
  #method: CryptoMethod = 'rc4'
  #pad = 0

  constructor(options: MseInitiatorOptions) {
    super(options, KEY_LENGTH + MAX_PAD + VC_LENGTH + 6 + MAX_PAD)
    this.#options = options
    this.#side = this.exchange(this.privateKey)
    this.send(this.#side.publicKey, this.padding())
  }

  protected step(): boolean {
    switch (this.#waits) {
      case 'key':
        return this.#answer(this.take(KEY_LENGTH))
      case 'mark':
        if (!this.sync(this.#mark)) return false
        this.#waits = 'select'
        return true
      case 'select':
        return this.#selected(this.take(6))
      case 'pad':
        return this.#finish(this.take(this.#pad))
      default:
        return false
    }
  }

  #answer(theirs: Uint8Array | undefined): boolean {
    if (!theirs) return false
    if (isDegenerate(theirs)) return this.fail('mse/degenerate-key', 'a public key that hides nothing')
    const { skey, provide, payload } = this.#options
    const secret = this.#side.secret(theirs)
    const { fromInitiator, fromAcceptor } = streamCiphers(secret, skey)
    const pad = this.padding()
    const hidden = new Uint8Array(VC_LENGTH + 4 + 2 + pad.length + 2 + payload.length)
    let bits = 0
    for (const method of provide) bits |= BITS[method]
    writeU32(hidden, VC_LENGTH, bits)
    writeU16(hidden, VC_LENGTH + 4, pad.length)
    hidden.set(pad, VC_LENGTH + 6)
    writeU16(hidden, VC_LENGTH + 6 + pad.length, payload.length)
    hidden.set(payload, VC_LENGTH + 8 + pad.length)
    fromInitiator.apply(hidden, hidden)
    const masked = xorHashes(labelled('req2', skey), labelled('req3', secret))
    this.send(labelled('req1', secret), masked, hidden)
    // What the acceptor's VC of zeros looks like; this leaves the cipher right behind it.
    fromAcceptor.apply(this.#mark, this.#mark)
    this.#ciphers = { incoming: fromAcceptor, outgoing: fromInitiator }
    this.#waits = 'mark'
    return true
  }

  #selected(field: Uint8Array | undefined): boolean {
    if (!field) return false
    this.#ciphers?.incoming.apply(field, field)
    const select = readU32(field, 0)
    const method = this.#options.provide.find((each) => BITS[each] === select)
    if (!method) return this.fail('mse/bad-select', `selected ${select}`)
    this.#method = method
    this.#pad = readU16(field, 4)
    if (this.#pad > MAX_PAD) return this.fail('mse/pad-too-long', `${this.#pad} bytes of padding`)
    this.#waits = 'pad'
    return true
  }

  #finish(pad: Uint8Array | undefined): boolean {
    if (!pad || !this.#ciphers) return false
    this.#ciphers.incoming.apply(pad, pad)
    this.#waits = 'nothing'
    this.result = { ...this.#ciphers, method: this.#method, skey: this.#options.skey, early: NOTHING }
    return false
  }
}

/**
 * The side that was dialled, and has seen that the first bytes are no BitTorrent handshake.
 *
 * | waits for | then |
 * |---|---|
 * | Ya | sends step 2 |
 * | HASH(`req1`, S) within 512 bytes | |
 * | the masked hash of SKEY | finds the torrent |
 * | VC, provide, length of PadC | chooses a method |
 * | PadC, length of IA | |
 * | IA | sends step 4, `done` |
 */
export class MseAcceptor extends MseCore {
  protected result: MseCore['result']
  readonly #options: MseAcceptorOptions
  #waits: 'key' | 'mark' | 'skey' | 'provide' | 'pad' | 'payload' | 'nothing' = 'key'
  #secret: Uint8Array = NOTHING
  #mark: Uint8Array = NOTHING
  #skey: Uint8Array = NOTHING
  #ciphers: { readonly incoming: Rc4; readonly outgoing: Rc4 } | undefined
  #method: CryptoMethod = 'rc4'
  #pad = 0
  #payload = 0

  constructor(options: MseAcceptorOptions) {
    super(options, KEY_LENGTH + MAX_PAD + 2 * HASH_LENGTH + VC_LENGTH + 6 + MAX_PAD + 2 + MAX_PAYLOAD)
    this.#options = options
  }

  protected step(): boolean {
    switch (this.#waits) {
      case 'key':
        return this.#answer(this.take(KEY_LENGTH))
      case 'mark':
        if (!this.sync(this.#mark)) return false
        this.#waits = 'skey'
        return true
      case 'skey':
        return this.#identify(this.take(HASH_LENGTH))
      case 'provide':
        return this.#choose(this.take(VC_LENGTH + 6))
      case 'pad':
        return this.#padded(this.take(this.#pad + 2))
      case 'payload':
        return this.#finish(this.take(this.#payload))
      default:
        return false
    }
  }

  #answer(theirs: Uint8Array | undefined): boolean {
    if (!theirs) return false
    if (isDegenerate(theirs)) return this.fail('mse/degenerate-key', 'a public key that hides nothing')
    const side = this.exchange(this.privateKey)
    this.send(side.publicKey, this.padding())
    this.#secret = side.secret(theirs)
    this.#mark = labelled('req1', this.#secret)
    this.#waits = 'mark'
    return true
  }

  #identify(masked: Uint8Array | undefined): boolean {
    if (!masked) return false
    const skey = this.#options.find(xorHashes(masked, labelled('req3', this.#secret)))
    if (!skey) return this.fail('mse/unknown-skey', 'no torrent has this key')
    const { fromInitiator, fromAcceptor } = streamCiphers(this.#secret, skey)
    this.#skey = skey
    this.#ciphers = { incoming: fromInitiator, outgoing: fromAcceptor }
    this.#waits = 'provide'
    return true
  }

  #choose(field: Uint8Array | undefined): boolean {
    if (!field) return false
    this.#ciphers?.incoming.apply(field, field)
    if (!equalBytes(view(field, 0, VC_LENGTH), ZEROS))
      return this.fail('mse/bad-verification', 'the verification constant is not zero')
    const provide = readU32(field, VC_LENGTH)
    const method = this.#options.select.find((each) => (provide & BITS[each]) !== 0)
    if (!method) return this.fail('mse/no-common-method', `provides ${provide}`)
    this.#method = method
    this.#pad = readU16(field, VC_LENGTH + 4)
    if (this.#pad > MAX_PAD) return this.fail('mse/pad-too-long', `${this.#pad} bytes of padding`)
    this.#waits = 'pad'
    return true
  }

  #padded(field: Uint8Array | undefined): boolean {
    if (!field) return false
    this.#ciphers?.incoming.apply(field, field)
    this.#payload = readU16(field, this.#pad)
    if (this.#payload > MAX_PAYLOAD)
      return this.fail('mse/payload-too-long', `${this.#payload} bytes of initial payload`)
    this.#waits = 'payload'
    return true
  }

  #finish(payload: Uint8Array | undefined): boolean {
    if (!payload || !this.#ciphers) return false
    this.#ciphers.incoming.apply(payload, payload)
    const pad = this.padding()
    const hidden = new Uint8Array(VC_LENGTH + 6 + pad.length)
    writeU32(hidden, VC_LENGTH, BITS[this.#method])
    writeU16(hidden, VC_LENGTH + 4, pad.length)
    hidden.set(pad, VC_LENGTH + 6)
    this.#ciphers.outgoing.apply(hidden, hidden)
    this.send(hidden)
    this.#waits = 'nothing'
    this.result = { ...this.#ciphers, method: this.#method, skey: this.#skey, early: payload }
    return false
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)
const ZEROS: Uint8Array = new Uint8Array(VC_LENGTH)

function startsWith(bytes: Uint8Array, at: number, mark: Uint8Array): boolean {
  for (let i = 0; i < mark.length; i++) if (bytes[at + i] !== mark[i]) return false
  return true
}

/** Not `subarray` on a Node Buffer, which makes another Buffer. */
function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}
