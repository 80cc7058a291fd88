/**
 * The core of one peer connection after both handshakes (BEP 3, 5, 6, 10, 52): choke and interest both
 * ways, our requests, the remote's requests, pieces, extension handshake, keep-alive, time-outs. It is
 * fed bytes and `now`, and drained of events and output.
 *
 * | | without fast | with fast (or v2) |
 * |---|---|---|
 * | remote chokes | our requests are dropped | they stay until answered |
 * | we choke | its requests are dropped | rejected, those for allowed-fast pieces stay |
 * | it requests while choked | dropped, bounded | rejected, bounded; allowed fast is served |
 * | it requests too much | closes | rejected, bounded |
 * | it cancels | dropped | rejected |
 * | block never requested | skipped, bounded | closes |
 * | block or reject after our cancel | skipped | skipped |
 * @module
 */

import type { Layout, Range } from '../metainfo/layout.js'
import type { Bitfield } from '../util/bitfield.js'
import type { Counters } from './counters.js'
import { BAD, Decoder, KEEP_ALIVE, NEED, PIECE_END, UNKNOWN } from './decoder.js'
import { decodeExtensionHandshake, type ExtensionHandshake } from './extension.js'
import * as id from './message.js'
import { decodeHashRequest, encodeHashRequest, type HashRequest } from './message.js'
import { Outbox } from './outbox.js'
import type { CloseReason, PeerEvent, WireCloseCode } from './peer-event.js'
import { RemotePieces } from './remote-pieces.js'
import { Requests } from './requests.js'
import { Uploads } from './uploads.js'

export type { Counters } from './counters.js'
export type { ExtensionHandshake } from './extension.js'
export type { HashRequest } from './message.js'
export type { BlockEvent, CloseReason, PeerEvent, WireCloseCode } from './peer-event.js'

export interface PeerTimings {
  /** ms without sending after which a keep-alive goes out. Default 110 s: BEP 3 says about two minutes. */
  readonly keepAlive?: number
  /** ms of silence after which the connection closes. Default 150 s: somewhat more than two minutes. */
  readonly idle?: number
}

export interface PeerOptions {
  /** Undefined until the metadata is known: what the remote says is kept, bounded, and checked by {@link Peer.setLayout}. */
  readonly layout: Layout | undefined
  /** What both handshakes announce. */
  readonly fast: boolean
  readonly extended: boolean
  readonly dht: boolean
  /** The connection speaks v2 (BEP 52): hash messages are legal, every request gets an answer. Default false. */
  readonly v2?: boolean
  /**
   * Names the memory, exactly `length` bytes, for a block of ours that begins to arrive. Undefined skips the
   * payload. The memory is written to until the `block` event, {@link Peer.cancel} or the close.
   */
  place(piece: number, begin: number, length: number): Uint8Array | undefined
  /** Requests of the remote that we hold: the `reqq` that we announce. */
  readonly maxRequests: number
  readonly now: number
  readonly timings?: PeerTimings
}

/** Most blocks never requested that are skipped on a connection without fast, where they can be honest mistakes. */
const MAX_UNREQUESTED = 64
/** Allowed-fast pieces of the remote that we remember; the BEP gives 10. */
const MAX_ALLOWED_FAST = 256
/** A choked peer may fetch each allowed-fast piece this often: what libtorrent gives. */
const FAST_COPIES = 3
/** Extension handshakes that are read; later ones are skipped. Clients repeat them on changes only. */
const MAX_EXTENSION_HANDSHAKES = 100
/** Bytes of small messages that may wait for a remote that does not read: haves of 100,000 pieces fit. */
const MAX_WAITING: number = 1 << 20
/** Bytes of an unfinished message that count as a sign of life: one byte a minute does not. */
const PROGRESS = 1024

const NOTHING: Uint8Array = new Uint8Array(0)

interface Arriving {
  readonly type: 'block'
  readonly piece: number
  readonly begin: number
  readonly length: number
  readonly data: Uint8Array | undefined
  rtt: number
}

export class Peer {
  amChoking = true
  amInterested = false
  peerChoking = true
  peerInterested = false
  /** Time of the last message, or of the last KiB of an unfinished one. */
  lastReceived: number
  /** What the remote said of itself, all its extension handshakes merged. */
  extension: ExtensionHandshake | undefined
  /** Why the connection ended. A closed peer ignores input and commands, and sends nothing. */
  closed: CloseReason | undefined
  readonly counters: Counters = {
    payloadIn: 0,
    payloadOut: 0,
    overheadIn: 0,
    overheadOut: 0,
    waste: 0,
    messagesIn: 0,
    messagesOut: 0,
  }

  private readonly options: PeerOptions
  private layout: Layout | undefined
  /** Every request gets an answer, and nothing else is an answer. */
  private readonly answers: boolean
  private readonly keepAliveAfter: number
  private readonly idleAfter: number
  private readonly decoder: Decoder = new Decoder()
  private readonly outbox: Outbox = new Outbox()
  private readonly requests: Requests = new Requests()
  private readonly uploads: Uploads = new Uploads()
  private readonly remote: RemotePieces
  private events: PeerEvent[] = []
  private polled = 0
  private arriving: Arriving | undefined
  private lastSent: number
  /** Nothing but keep-alives and extended messages so far: a bitfield may come. */
  private opening = true
  private announced = false
  private reported = false
  private partial = 0
  private bytesIn = 0
  private discarded = 0
  private unrequested = 0
  private refused = 0
  private extensionHandshakes = 0
  private readonly allowedFast: Set<number> = new Set()
  /** Pieces we offered -> bytes that it may still fetch of each while choked. */
  private readonly offered: Map<number, number> = new Map()

  constructor(options: PeerOptions) {
    this.options = options
    this.layout = options.layout
    this.answers = options.fast || options.v2 === true
    this.keepAliveAfter = options.timings?.keepAlive ?? 110_000
    this.idleAfter = options.timings?.idle ?? 150_000
    this.lastReceived = options.now
    this.lastSent = options.now
    this.remote = new RemotePieces(options.layout?.pieceCount)
    if (options.layout) this.decoder.expectBitfield((options.layout.pieceCount + 7) >>> 3)
  }

  /** The remote's pieces; undefined until the layout is known. */
  get pieces(): Bitfield | undefined {
    return this.remote.set
  }

  /** True when the remote has every piece, also when it said so before the layout is known. */
  get isSeed(): boolean {
    return this.remote.isSeed
  }

  /** Number of our unanswered requests, cancelled ones left out. */
  get outstanding(): number {
    return this.requests.size
  }

  /** Time of the oldest of them, Infinity when there is none. */
  get oldestRequest(): number {
    return this.requests.oldest
  }

  /** The block whose payload is arriving into memory of ours. */
  get incoming(): { readonly piece: number; readonly begin: number; readonly data: Uint8Array } | undefined {
    const arriving = this.arriving
    return arriving?.data === undefined ? undefined : (arriving as Arriving & { readonly data: Uint8Array })
  }

  /** Requests of the remote that wait for an answer. */
  get queued(): number {
    return this.uploads.size
  }

  /** True when the remote lets us ask for the piece while it chokes us (BEP 6). It need not have it. */
  isAllowedFast(piece: number): boolean {
    return this.allowedFast.has(piece)
  }

  /**
   * Says which pieces we have (bitfield, have all or have none) and sends the extension handshake, each
   * where it is negotiated. Comes before any other command.
   */
  start(pieces: Bitfield | undefined, extensionHandshake: Uint8Array | undefined, now: number): void {
    if (this.closed) return
    this.lastSent = now
    if (this.options.fast && (pieces === undefined || pieces.isEmpty)) this.outbox.bare(id.HAVE_NONE)
    else if (this.options.fast && pieces?.isFull) this.outbox.bare(id.HAVE_ALL)
    else if (pieces !== undefined && !pieces.isEmpty) this.outbox.body(id.BITFIELD, pieces.bytes)
    if (extensionHandshake !== undefined) this.extended(0, extensionHandshake)
  }

  /** Takes the next bytes of the stream. They are borrowed until this returns. */
  receive(chunk: Uint8Array, now: number): void {
    if (this.closed) return
    const decoder = this.decoder
    this.announced = false
    let messages = 0
    decoder.feed(chunk)
    for (;;) {
      const code = decoder.next()
      if (code === NEED) break
      if (code === id.PIECE) this.admit()
      else {
        messages++
        if (code === PIECE_END) this.complete(now)
        else this.handle(code)
      }
      if (this.closed) break
    }
    if (messages > 0) {
      this.lastReceived = now
      this.partial = 0
    } else {
      this.partial += chunk.length
      if (this.partial >= PROGRESS) {
        this.lastReceived = now
        this.partial = 0
      }
    }
    this.bytesIn += chunk.length
    const counters = this.counters
    counters.messagesIn += messages
    counters.payloadIn = decoder.copied + decoder.skipped
    counters.overheadIn = this.bytesIn - counters.payloadIn
    counters.waste = decoder.skipped + this.discarded
    this.checkWaiting()
  }

  /** The clock reached {@link Peer.nextTimeout}. */
  timeout(now: number): void {
    if (this.closed) return
    if (now - this.lastReceived >= this.idleAfter) {
      this.fail('wire/idle', `nothing came for ${Math.floor(now - this.lastReceived)} ms`)
    } else if (now - this.lastSent >= this.keepAliveAfter) {
      this.outbox.keepAlive()
      this.lastSent = now
    }
  }

  /** When {@link Peer.timeout} has something to do, ms; it moves only further away with traffic. */
  nextTimeout(): number {
    if (this.closed) return Number.POSITIVE_INFINITY
    return Math.min(this.lastReceived + this.idleAfter, this.lastSent + this.keepAliveAfter)
  }

  /** What is to be sent, in order, for one vectored write; payload parts are those given to {@link Peer.answer}. */
  transmit(now: number): Uint8Array[] | undefined {
    if (this.closed) return undefined
    const small = this.outbox.waiting
    const chunks = this.outbox.take()
    if (chunks === undefined) return undefined
    this.lastSent = now
    this.counters.overheadOut += small
    this.counters.messagesOut = this.outbox.messages
    return chunks
  }

  /** The next event, or undefined. Drain it after every call that takes `now`. */
  poll(): PeerEvent | undefined {
    if (this.polled === this.events.length) return undefined
    const event = this.events[this.polled++]
    if (this.polled === this.events.length) {
      this.events = []
      this.polled = 0
    }
    return event
  }

  /** Chokes or unchokes the remote. Choking answers its waiting requests, see the table above. */
  setChoking(choking: boolean, _now: number): void {
    if (this.closed || choking === this.amChoking) return
    this.amChoking = choking
    this.outbox.bare(choking ? id.CHOKE : id.UNCHOKE)
    this.refused = 0
    if (!choking) return
    if (!this.answers) {
      this.uploads.clear()
      return
    }
    for (const range of this.uploads.filter((range) => this.offered.has(range.piece))) this.sendReject(range)
  }

  setInterested(interested: boolean, _now: number): void {
    if (this.closed || interested === this.amInterested) return
    this.amInterested = interested
    this.outbox.bare(interested ? id.INTERESTED : id.NOT_INTERESTED)
  }

  /** Announces a verified piece. Whether the remote needs to know is the caller's decision. */
  have(piece: number, _now: number): void {
    if (this.closed) return
    this.outbox.indexed(id.HAVE, piece)
    this.checkWaiting()
  }

  /** Asks for a block of the layout, once. */
  request(piece: number, begin: number, length: number, now: number): void {
    if (this.closed) return
    const key = this.key(piece, begin)
    if (this.requests.time(key) !== undefined) return
    this.requests.add(key, now)
    this.outbox.ranged(id.REQUEST, piece, begin, length)
  }

  /**
   * Takes a request back. A block that is arriving is discarded from here on, its memory is not touched
   * again. Nothing more is reported about the request.
   */
  cancel(piece: number, begin: number, _now: number): void {
    if (this.closed || this.layout === undefined) return
    const key = this.key(piece, begin)
    const arriving = this.arriving
    if (arriving !== undefined && arriving.piece === piece && arriving.begin === begin) {
      this.requests.delete(key)
      if (arriving.data !== undefined) this.discarded += this.decoder.arrived
      this.decoder.discard()
      this.arriving = undefined
      return
    }
    if (!this.requests.cancel(key, this.answers)) return
    const length = Math.min(16_384, this.layout.pieceSize(piece) - begin)
    this.outbox.ranged(id.CANCEL, piece, begin, length)
  }

  /**
   * The oldest request of the remote that may be answered now: it is unchoked, or the piece is one we
   * offered. The same object until it is answered: compare it after an asynchronous read, since a cancel
   * or a choke may have removed it. That we have the piece is for the caller to check.
   */
  nextRequest(): Range | undefined {
    return this.uploads.head
  }

  /**
   * Answers {@link Peer.nextRequest} with its bytes, in one or more parts that stay unchanged until they
   * are written. Throws RangeError when they are not as many as asked for.
   */
  answer(data: readonly Uint8Array[]): void {
    const range = this.uploads.head
    if (this.closed || range === undefined) return
    let length = 0
    for (const part of data) length += part.length
    if (length !== range.length) throw new RangeError(`data must be ${range.length} bytes, got ${length}`)
    this.uploads.shift()
    this.refused = 0
    this.outbox.block(id.PIECE, range.piece, range.begin, length, data)
    this.counters.payloadOut += length
  }

  /** Answers {@link Peer.nextRequest} with a reject (fast) or forgets it. */
  reject(): void {
    const range = this.uploads.head
    if (this.closed || range === undefined) return
    this.uploads.shift()
    if (this.answers) this.sendReject(range)
  }

  /** Lets the remote ask for these pieces while choked (BEP 6). Nothing without fast or layout. */
  offerFast(pieces: readonly number[]): void {
    if (this.closed || !this.options.fast || this.layout === undefined) return
    for (const piece of pieces) {
      if (this.offered.has(piece)) continue
      this.offered.set(piece, FAST_COPIES * this.layout.pieceSize(piece))
      this.outbox.indexed(id.ALLOWED_FAST, piece)
    }
  }

  /** Advises the remote to fetch a piece (BEP 6). Nothing without fast. */
  suggest(piece: number): void {
    if (!this.closed && this.options.fast) this.outbox.indexed(id.SUGGEST, piece)
  }

  /** Sends an extended message (BEP 10) under the remote's id. Nothing when not negotiated. */
  extended(extendedId: number, payload: Uint8Array): void {
    if (this.closed || !this.options.extended) return
    this.outbox.body(id.EXTENDED, Uint8Array.of(extendedId), payload)
  }

  /** Tells the port of our DHT node (BEP 5). Nothing when not negotiated. */
  port(port: number): void {
    if (!this.closed && this.options.dht) this.outbox.port(id.PORT, port)
  }

  /** Hash messages (BEP 52). Nothing on a v1 connection. */
  hashRequest(request: HashRequest): void {
    this.hashMessage(id.HASH_REQUEST, request, NOTHING)
  }

  hashes(request: HashRequest, hashes: Uint8Array): void {
    this.hashMessage(id.HASHES, request, hashes)
  }

  hashReject(request: HashRequest): void {
    this.hashMessage(id.HASH_REJECT, request, NOTHING)
  }

  /** The metadata became known: checks all that the remote said before, and reports `pieces`. */
  setLayout(layout: Layout, _now: number): void {
    if (this.closed || this.layout !== undefined) return
    this.layout = layout
    this.decoder.expectBitfield((layout.pieceCount + 7) >>> 3)
    if (!this.remote.learn(layout.pieceCount)) {
      this.fail('wire/bad-bitfield', `the pieces told before do not fit ${layout.pieceCount}`)
      return
    }
    for (const piece of this.allowedFast) {
      if (piece >= layout.pieceCount) {
        this.fail('wire/bad-allowed-fast', `piece ${piece} of ${layout.pieceCount}`)
        return
      }
    }
    if (this.reported) this.events.push({ type: 'pieces' })
    for (const piece of this.allowedFast) this.events.push({ type: 'allowed-fast', piece })
  }

  /** Ends the connection. Events that wait are still delivered, then `close`. Idempotent. */
  close(code: string, message = ''): void {
    if (this.closed) return
    this.closed = { code, message }
    this.arriving = undefined
    this.decoder.discard()
    this.decoder.feed(NOTHING)
    this.requests.clear()
    this.uploads.clear()
    this.outbox.clear()
    this.events.push({ type: 'close', code, message })
  }

  private fail(code: WireCloseCode, message: string): void {
    this.close(code, message)
  }

  private key(piece: number, begin: number): number {
    // Without a layout nothing was requested: any key will do.
    return piece * (this.layout?.blocksPerPiece ?? 1) + (begin >>> 14)
  }

  /** The header of a block is here: decides where its payload goes. */
  private admit(): void {
    this.opening = false
    const { piece, begin, length } = this.decoder
    const layout = this.layout
    if (layout !== undefined && !layout.isBlock(piece, begin, length)) {
      this.fail('wire/bad-piece', `piece ${piece}, begin ${begin}, ${length} bytes`)
      return
    }
    const key = this.key(piece, begin)
    if (this.requests.time(key) !== undefined) {
      const data = this.options.place(piece, begin, length)
      if (data !== undefined && data.length !== length) {
        throw new RangeError(`place must give ${length} bytes, got ${data.length}`)
      }
      this.arriving = { type: 'block', piece, begin, length, data, rtt: 0 }
      this.decoder.into(data)
    } else if (!this.requests.excuse(key) && (this.answers || ++this.unrequested > MAX_UNREQUESTED)) {
      this.fail('wire/unrequested-piece', `piece ${piece}, begin ${begin} was not requested`)
    }
  }

  private complete(now: number): void {
    const arriving = this.arriving
    if (arriving === undefined) return
    this.arriving = undefined
    const key = this.key(arriving.piece, arriving.begin)
    arriving.rtt = now - (this.requests.time(key) ?? now)
    this.requests.delete(key)
    this.events.push(arriving)
  }

  private handle(code: number): void {
    switch (code) {
      case BAD:
        this.fail(this.decoder.error, this.decoder.message)
        return
      case KEEP_ALIVE:
      case UNKNOWN:
        return
      case id.EXTENDED:
        this.receiveExtended()
        return
      case id.BITFIELD:
      case id.HAVE_ALL:
      case id.HAVE_NONE:
        this.receivePieces(code)
        return
    }
    this.opening = false
    switch (code) {
      case id.CHOKE:
        this.peerChoking = true
        if (!this.answers) this.requests.drop()
        this.events.push({ type: 'choke' })
        return
      case id.UNCHOKE:
        this.peerChoking = false
        this.events.push({ type: 'unchoke' })
        return
      case id.INTERESTED:
        this.peerInterested = true
        this.events.push({ type: 'interested' })
        return
      case id.NOT_INTERESTED:
        this.peerInterested = false
        this.events.push({ type: 'not-interested' })
        return
      case id.HAVE:
        this.receiveHave()
        return
      case id.REQUEST:
        this.receiveRequest()
        return
      case id.CANCEL:
        this.receiveCancel()
        return
      case id.REJECT:
        this.receiveReject()
        return
      case id.SUGGEST:
      case id.ALLOWED_FAST:
        this.receiveHint(code)
        return
      case id.PORT:
        if (this.options.dht && this.decoder.piece !== 0) {
          this.events.push({ type: 'port', port: this.decoder.piece })
        }
        return
      default:
        this.receiveHashMessage(code)
    }
  }

  private receivePieces(code: number): void {
    if (code !== id.BITFIELD && !this.options.fast) {
      this.fail('wire/fast-not-negotiated', `message id ${code}`)
      return
    }
    if (!this.opening) {
      this.fail('wire/late-bitfield', `message id ${code} is not the first`)
      return
    }
    this.opening = false
    if (code === id.HAVE_ALL) this.remote.haveAll()
    else if (code === id.BITFIELD && !this.remote.bitfield(this.decoder.body)) {
      this.fail('wire/bad-bitfield', 'spare bits are set')
      return
    }
    this.report()
  }

  private receiveHave(): void {
    const piece = this.decoder.piece
    const fresh = this.remote.have(piece)
    if (fresh === undefined) this.fail('wire/bad-have', `there is no piece ${piece}`)
    else if (this.layout === undefined) this.reported = true
    else if (fresh) this.events.push({ type: 'have', piece })
  }

  private report(): void {
    this.reported = true
    if (this.layout !== undefined) this.events.push({ type: 'pieces' })
  }

  private receiveRequest(): void {
    const { piece, begin, length } = this.decoder
    if (length > id.MAX_BLOCK) {
      this.fail('wire/request-too-long', `${length} bytes`)
      return
    }
    if (length === 0 || (this.layout !== undefined && !this.layout.isRange(piece, begin, length))) {
      this.fail('wire/bad-request', `piece ${piece}, begin ${begin}, ${length} bytes`)
      return
    }
    const range = { piece, begin, length }
    const full = this.uploads.size >= this.options.maxRequests
    const left = this.amChoking ? (this.offered.get(piece) ?? 0) : length
    if (left >= length && !full && this.layout !== undefined) {
      if (this.amChoking) this.offered.set(piece, left - length)
      this.uploads.push(range)
      if (this.announced) return
      this.announced = true
      this.events.push({ type: 'requests' })
      return
    }
    // What a peer had under way when we choked it is no flood.
    if ((full && !this.answers) || ++this.refused > 2 * this.options.maxRequests + 256) {
      this.fail(
        'wire/request-flood',
        full ? `more than ${this.options.maxRequests} requests` : 'while choked',
      )
      return
    }
    if (this.answers) this.sendReject(range)
  }

  private receiveCancel(): void {
    const { piece, begin, length } = this.decoder
    if (this.layout !== undefined && !this.layout.isRange(piece, begin, length)) {
      this.fail('wire/bad-cancel', `piece ${piece}, begin ${begin}, ${length} bytes`)
      return
    }
    if (this.uploads.remove(piece, begin, length) && this.answers) this.sendReject({ piece, begin, length })
  }

  private receiveReject(): void {
    const { piece, begin, length } = this.decoder
    if (!this.answers) {
      this.fail('wire/fast-not-negotiated', 'a reject')
      return
    }
    const key = this.key(piece, begin)
    const block = this.layout?.isBlock(piece, begin, length) === true
    if (block && this.requests.settle(key)) return
    if (block && this.requests.time(key) !== undefined) {
      this.requests.delete(key)
      // Asking again at once would go round in circles.
      if (this.peerChoking) this.allowedFast.delete(piece)
      this.events.push({ type: 'rejected', piece, begin })
      return
    }
    if (!block || !this.requests.excuse(key)) {
      this.fail('wire/unrequested-reject', `piece ${piece}, begin ${begin}, ${length} bytes`)
    }
  }

  private receiveHint(code: number): void {
    const piece = this.decoder.piece
    const suggested = code === id.SUGGEST
    if (!this.options.fast) {
      this.fail('wire/fast-not-negotiated', `message id ${code}`)
      return
    }
    if (piece >= (this.layout?.pieceCount ?? id.MAX_PIECES)) {
      this.fail(suggested ? 'wire/bad-suggest' : 'wire/bad-allowed-fast', `there is no piece ${piece}`)
      return
    }
    if (suggested) {
      if (this.layout !== undefined) this.events.push({ type: 'suggest', piece })
      return
    }
    if (this.allowedFast.has(piece) || this.allowedFast.size >= MAX_ALLOWED_FAST) return
    this.allowedFast.add(piece)
    if (this.layout !== undefined) this.events.push({ type: 'allowed-fast', piece })
  }

  private receiveExtended(): void {
    if (!this.options.extended) return
    const body = this.decoder.body
    const extendedId = body[0] as number
    if (extendedId !== 0) {
      this.events.push({ type: 'extended', id: extendedId, payload: this.decoder.takeBody().subarray(1) })
      return
    }
    if (++this.extensionHandshakes > MAX_EXTENSION_HANDSHAKES) return
    const handshake = decodeExtensionHandshake(body.subarray(1), this.extension)
    if (handshake === undefined) return
    this.extension = handshake
    this.events.push({ type: 'extension-handshake', handshake })
  }

  private receiveHashMessage(code: number): void {
    if (this.options.v2 !== true) {
      this.fail('wire/hash-not-negotiated', `message id ${code} on a v1 connection`)
      return
    }
    const request = decodeHashRequest(this.decoder.body)
    if (code === id.HASH_REQUEST) this.events.push({ type: 'hash-request', request })
    else if (code === id.HASH_REJECT) this.events.push({ type: 'hash-reject', request })
    else this.events.push({ type: 'hashes', request, hashes: this.decoder.takeBody().subarray(48) })
  }

  private hashMessage(code: number, request: HashRequest, hashes: Uint8Array): void {
    if (!this.closed && this.options.v2) this.outbox.body(code, encodeHashRequest(request), hashes)
  }

  private sendReject(range: Range): void {
    this.outbox.ranged(id.REJECT, range.piece, range.begin, range.length)
  }

  private checkWaiting(): void {
    if (!this.closed && this.outbox.waiting > MAX_WAITING) {
      this.fail('wire/send-queue-full', `${this.outbox.waiting} bytes wait`)
    }
  }
}
