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
 * | it requests too much | closes, above thousands | rejected, bounded |
 * | it tells of its pieces again | taken, bounded | taken, bounded |
 * | it cancels | dropped | rejected |
 * | block never requested | skipped, bounded | closes |
 * | block or reject after our cancel | skipped | skipped |
 * @module
 */

import type { Layout, Range } from '../metainfo/layout.js'
import type { Bitfield } from '../util/bitfield.js'
import type { Counters } from './counters.js'
import { BAD, KEEP_ALIVE, NEED, PIECE_END, UNKNOWN } from './decoder.js'
import { Downloads } from './downloads.js'
import { ExtendedMessages } from './extended-messages.js'
import type { ExtensionHandshake } from './extension.js'
import { HashMessages } from './hashes/messages.js'
import type { HashRequest } from './message.js'
import * as id from './message.js'
import { PeerContext } from './peer-context.js'
import type { CloseReason, PeerEvent } from './peer-event.js'
import type { PeerOptions } from './peer-options.js'
import { RemotePieces } from './remote-pieces.js'
import { Uploads } from './uploads.js'

export type { Counters } from './counters.js'
export type { ExtensionHandshake } from './extension.js'
export type { HashRequest } from './message.js'
export type { BlockEvent, CloseReason, PeerEvent, WireCloseCode } from './peer-event.js'
export type { PeerOptions, PeerTimings } from './peer-options.js'

/** Bytes of small messages that may wait for a remote that does not read: haves of 100,000 pieces fit. */
const MAX_WAITING: number = 1 << 20
/**
 * Times that a remote may tell anew of all its pieces, and pieces for which it gets one more. BEP 3 and 6 allow
 * none but the first; aria2 sends a bitfield or HAVE_ALL in place of many haves, WebTorrent HAVE_NONE once it has
 * the metadata.
 */
const MAX_RETOLD = 64
/** Bytes of an unfinished message that count as a sign of life: one byte a minute does not. */
const PROGRESS = 1024

const NOTHING: Uint8Array = new Uint8Array(0)

export class Peer {
  amChoking = true
  amInterested = false
  peerChoking = true
  peerInterested = false
  /** Time of the last message, or of the last KiB of an unfinished one. */
  lastReceived: number
  /** What the remote said of itself, all its extension handshakes merged. */
  extension: ExtensionHandshake | undefined
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
  private readonly context: PeerContext
  private readonly downloads: Downloads
  private readonly uploads: Uploads
  private readonly remote: RemotePieces
  private readonly extendedMessages: ExtendedMessages
  private readonly hashMessages: HashMessages
  private readonly keepAliveAfter: number
  private readonly idleAfter: number
  private lastSent: number
  /** The remote told of pieces. */
  private told = false
  /** Times that it then told of all its pieces anew, other than by a few more. */
  private retold = 0
  private partial = 0
  private bytesIn = 0

  constructor(options: PeerOptions) {
    this.options = options
    this.context = new PeerContext(options)
    this.downloads = new Downloads(this.context)
    this.uploads = new Uploads(this.context)
    this.remote = new RemotePieces(options.layout?.pieceCount)
    this.extendedMessages = new ExtendedMessages(this.context)
    this.hashMessages = new HashMessages(this.context)
    this.keepAliveAfter = options.timings?.keepAlive ?? 110_000
    this.idleAfter = options.timings?.idle ?? 150_000
    this.lastReceived = options.now
    this.lastSent = options.now
  }

  /** Holds so many requests of the remote, which is told by the extension handshake (`reqq`, BEP 10), or more if it was allowed more before. */
  allowRequests(count: number): void {
    this.uploads.allow(count)
  }

  /** Why the connection ended. A closed peer ignores input and commands, and sends nothing. */
  get closed(): CloseReason | undefined {
    return this.context.closed
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
    return this.downloads.requests.size
  }

  /** Time of the oldest of them, Infinity when there is none. */
  get oldestRequest(): number {
    return this.downloads.requests.oldest
  }

  /** The block whose payload is arriving into memory of ours. */
  get incoming(): { readonly piece: number; readonly begin: number; readonly data: Uint8Array } | undefined {
    const { arriving } = this.downloads
    return arriving?.data === undefined
      ? undefined
      : (arriving as { readonly piece: number; readonly begin: number; readonly data: Uint8Array })
  }

  /** Requests of the remote that wait for an answer. */
  get queued(): number {
    return this.uploads.queue.size
  }

  /** Bytes of small messages, extended ones among them, that wait to be sent; too many end the connection. */
  get waiting(): number {
    return this.context.outbox.waiting
  }

  /** True when the remote lets us ask for the piece while it chokes us (BEP 6). It need not have it. */
  isAllowedFast(piece: number): boolean {
    return this.downloads.allowedFast.has(piece)
  }

  /**
   * Says which pieces we have (bitfield, have all or have none) and sends the extension handshake, each
   * where it is negotiated. Comes before any other command.
   */
  start(pieces: Bitfield | undefined, extensionHandshake: Uint8Array | undefined, now: number): void {
    if (this.context.closed) return
    this.lastSent = now
    if (this.options.fast && (pieces === undefined || pieces.isEmpty)) this.context.outbox.bare(id.HAVE_NONE)
    else if (this.options.fast && pieces?.isFull) this.context.outbox.bare(id.HAVE_ALL)
    else if (pieces !== undefined && !pieces.isEmpty) this.context.outbox.body(id.BITFIELD, pieces.bytes)
    if (extensionHandshake !== undefined) this.extended(0, extensionHandshake)
  }

  /** Takes the next bytes of the stream. They are borrowed until this returns. */
  receive(chunk: Uint8Array, now: number): void {
    const { context, downloads } = this
    if (context.closed) return
    const { decoder } = context
    this.uploads.expect()
    let messages = 0
    decoder.feed(chunk)
    for (;;) {
      const code = decoder.next()
      if (code === NEED) break
      if (code === id.PIECE) downloads.admit()
      else {
        messages++
        if (code === PIECE_END) downloads.complete(now)
        else this.handle(code)
      }
      if (context.closed) break
    }
    this.partial += chunk.length
    if (messages > 0 || this.partial >= PROGRESS) {
      this.lastReceived = now
      this.partial = 0
    }
    this.bytesIn += chunk.length
    const { counters } = this
    counters.messagesIn += messages
    counters.payloadIn = decoder.copied + decoder.skipped
    counters.overheadIn = this.bytesIn - counters.payloadIn
    counters.waste = decoder.skipped + downloads.discarded
    if (context.closed) this.release()
    else this.checkWaiting()
  }

  /** The clock reached {@link Peer.nextTimeout}. */
  timeout(now: number): void {
    if (this.context.closed) return
    if (now - this.lastReceived >= this.idleAfter) {
      this.close('wire/idle', `nothing came for ${Math.floor(now - this.lastReceived)} ms`)
    } else if (now - this.lastSent >= this.keepAliveAfter) {
      this.context.outbox.keepAlive()
      this.lastSent = now
    }
  }

  /** When {@link Peer.timeout} has something to do, ms; it moves only further away with traffic. */
  nextTimeout(): number {
    if (this.context.closed) return Number.POSITIVE_INFINITY
    return Math.min(this.lastReceived + this.idleAfter, this.lastSent + this.keepAliveAfter)
  }

  /** What is to be sent, in order, for one vectored write; payload parts are those given to {@link Peer.answer}. */
  transmit(now: number): Uint8Array[] | undefined {
    if (this.context.closed) return undefined
    const small = this.context.outbox.waiting
    const chunks = this.context.outbox.take()
    if (chunks === undefined) return undefined
    this.lastSent = now
    this.counters.overheadOut += small
    this.counters.messagesOut = this.context.outbox.messages
    return chunks
  }

  /** The next event, or undefined. Drain it after every call that takes `now`. */
  poll(): PeerEvent | undefined {
    return this.context.poll()
  }

  /** Chokes or unchokes the remote. Choking answers its waiting requests, see the table above. */
  setChoking(choking: boolean, _now: number): void {
    if (this.context.closed || choking === this.amChoking) return
    this.amChoking = choking
    this.context.outbox.bare(choking ? id.CHOKE : id.UNCHOKE)
    this.uploads.choking(choking)
  }

  setInterested(interested: boolean, _now: number): void {
    if (this.context.closed || interested === this.amInterested) return
    this.amInterested = interested
    this.context.outbox.bare(interested ? id.INTERESTED : id.NOT_INTERESTED)
  }

  /** Announces a verified piece. Whether the remote needs to know is the caller's decision. */
  have(piece: number, _now: number): void {
    if (this.context.closed) return
    this.context.outbox.indexed(id.HAVE, piece)
    this.checkWaiting()
  }

  /** Asks for a block of the layout, once. */
  request(piece: number, begin: number, length: number, now: number): void {
    if (!this.context.closed) this.downloads.request(piece, begin, length, now)
  }

  /**
   * Takes a request back. A block that is arriving is discarded from here on, its memory is not touched
   * again. Nothing more is reported about the request.
   */
  cancel(piece: number, begin: number, _now: number): void {
    if (!this.context.closed) this.downloads.cancel(piece, begin)
  }

  /**
   * The oldest request of the remote that may be answered now: it is unchoked, or the piece is one we
   * offered. The same object until it is answered: compare it after an asynchronous read, since a cancel
   * or a choke may have removed it. That we have the piece is for the caller to check.
   */
  nextRequest(): Range | undefined {
    return this.uploads.queue.head
  }

  /**
   * Answers {@link Peer.nextRequest} with its bytes, in one or more parts that stay unchanged until they
   * are written. Throws RangeError when they are not as many as asked for.
   */
  answer(data: readonly Uint8Array[]): void {
    if (this.context.closed) return
    this.uploads.answer(data)
    this.counters.payloadOut = this.uploads.sent
  }

  /** Answers {@link Peer.nextRequest} with a reject (fast) or forgets it. */
  reject(): void {
    if (!this.context.closed) this.uploads.reject()
  }

  /** Lets the remote ask for these pieces while choked (BEP 6). Nothing without fast or layout. */
  offerFast(pieces: readonly number[]): void {
    if (!this.context.closed && this.options.fast) this.uploads.offer(pieces)
  }

  /** Advises the remote to fetch a piece (BEP 6). Nothing without fast. */
  suggest(piece: number): void {
    if (!this.context.closed && this.options.fast) this.context.outbox.indexed(id.SUGGEST, piece)
  }

  /** Sends an extended message (BEP 10) under the remote's id. Nothing when not negotiated. */
  extended(extendedId: number, payload: Uint8Array): void {
    if (this.context.closed || !this.options.extended) return
    this.context.outbox.body(id.EXTENDED, Uint8Array.of(extendedId), payload)
  }

  /**
   * The remote said that it lost a piece (BEP 54): takes it out of {@link Peer.pieces}. Our requests for it
   * are rejected by a remote with fast, and of no effect with any other: then returns their offsets in the
   * piece. Undefined when the remote did not have it, or there is no such piece.
   */
  lost(piece: number): readonly number[] | undefined {
    if (this.context.closed || !this.remote.lost(piece)) return undefined
    return this.downloads.lost(piece)
  }

  /** Tells the port of our DHT node (BEP 5). Nothing when not negotiated. */
  port(port: number): void {
    if (!this.context.closed && this.options.dht) this.context.outbox.port(id.PORT, port)
  }

  /** Hash messages (BEP 52). Nothing on a v1 connection. */
  hashRequest(request: HashRequest): void {
    this.hashMessages.send(id.HASH_REQUEST, request, NOTHING)
  }

  hashes(request: HashRequest, hashes: Uint8Array): void {
    this.hashMessages.send(id.HASHES, request, hashes)
  }

  hashReject(request: HashRequest): void {
    this.hashMessages.send(id.HASH_REJECT, request, NOTHING)
  }

  /** The metadata became known: checks all that the remote said before, and reports `pieces`. */
  setLayout(layout: Layout, _now: number): void {
    const { context } = this
    if (context.closed || context.layout !== undefined) return
    context.learn(layout)
    if (!this.remote.learn(layout.pieceCount)) {
      context.fail('wire/bad-bitfield', `the pieces told before do not fit ${layout.pieceCount}`)
    } else {
      if (this.told) context.push({ type: 'pieces' })
      this.downloads.learn(layout.pieceCount)
    }
    if (context.closed) this.release()
  }

  /** Ends the connection. Events that wait are still delivered, then `close`. Idempotent. */
  close(code: string, message = ''): void {
    this.context.close(code, message)
    this.release()
  }

  private handle(code: number): void {
    switch (code) {
      case BAD:
        this.context.fail(this.context.decoder.error, this.context.decoder.message)
        return
      case KEEP_ALIVE:
      case UNKNOWN:
        return
      case id.EXTENDED:
        this.extension = this.extendedMessages.receive(this.extension)
        return
      case id.BITFIELD:
      case id.HAVE_ALL:
      case id.HAVE_NONE:
        this.receivePieces(code)
        return
      case id.CHOKE:
        this.peerChoking = true
        this.downloads.choked()
        this.context.push({ type: 'choke' })
        return
      case id.UNCHOKE:
        this.peerChoking = false
        this.context.push({ type: 'unchoke' })
        return
      case id.INTERESTED:
        this.peerInterested = true
        this.context.push({ type: 'interested' })
        return
      case id.NOT_INTERESTED:
        this.peerInterested = false
        this.context.push({ type: 'not-interested' })
        return
      case id.HAVE:
        this.receiveHave()
        return
      case id.REQUEST:
        this.uploads.requested(this.amChoking)
        return
      case id.CANCEL:
        this.uploads.cancelled()
        return
      case id.REJECT:
        this.downloads.rejected(this.peerChoking)
        return
      case id.SUGGEST:
      case id.ALLOWED_FAST:
        if (!this.options.fast) this.context.fail('wire/fast-not-negotiated', `message id ${code}`)
        else if (code === id.SUGGEST) this.receiveSuggest()
        else this.downloads.allow()
        return
      case id.PORT:
        if (this.options.dht && this.context.decoder.piece !== 0) {
          this.context.push({ type: 'port', port: this.context.decoder.piece })
        }
        return
      default:
        this.hashMessages.receive(code)
    }
  }

  private receivePieces(code: number): void {
    if (code !== id.BITFIELD && !this.options.fast) {
      this.context.fail('wire/fast-not-negotiated', `message id ${code}`)
      return
    }
    const { remote, told } = this
    this.told = true
    if (code === id.BITFIELD) {
      const change = remote.bitfield(this.context.decoder.body)
      if (change === undefined) {
        this.context.fail('wire/bad-bitfield', 'spare bits are set')
        return
      }
      if (told && change !== 'changed') {
        for (const piece of change) this.context.push({ type: 'have', piece })
        return
      }
    } else {
      const changed = code === id.HAVE_ALL ? remote.haveAll() : remote.haveNone()
      if (told && !changed) return
    }
    // A few bytes that change the state of every piece must not be had for ever.
    if (told && ++this.retold > MAX_RETOLD + (remote.set?.length ?? 0) / MAX_RETOLD) {
      this.context.fail('wire/pieces-flood', `told of all its pieces anew ${this.retold} times`)
      return
    }
    if (this.context.layout !== undefined) this.context.push({ type: 'pieces' })
  }

  private receiveHave(): void {
    const piece = this.context.decoder.piece
    const fresh = this.remote.have(piece)
    if (fresh === undefined) this.context.fail('wire/bad-have', `there is no piece ${piece}`)
    else {
      this.told = true
      if (fresh && this.context.layout !== undefined) this.context.push({ type: 'have', piece })
    }
  }

  private receiveSuggest(): void {
    const { decoder, layout } = this.context
    const { piece } = decoder
    if (piece >= (layout?.pieceCount ?? id.MAX_PIECES)) {
      this.context.fail('wire/bad-suggest', `there is no piece ${piece}`)
    } else if (layout !== undefined) this.context.push({ type: 'suggest', piece })
  }

  private checkWaiting(): void {
    const { waiting } = this.context.outbox
    if (waiting > MAX_WAITING) this.close('wire/send-queue-full', `${waiting} bytes wait`)
  }

  /** After the end: forgets what was under way. */
  private release(): void {
    this.downloads.clear()
    this.uploads.queue.clear()
  }
}
