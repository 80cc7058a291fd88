/**
 * Virtual TCP: one end of a connection.
 *
 * write -> (pending writes) -> send buffer, in segments -> upload line -> latency -> download line ->
 * receive queue -> listener. A segment is acknowledged when the listener took it, so that a paused
 * reader stops its writer after a window and a send buffer.
 * @module
 */

import type { ByteStream, StreamListener } from '../net/world.js'
import { type Address, addressKey } from '../util/address.js'
import { type ErrorCode, RarestError } from '../util/errors.js'
import type { Event } from './clock.js'
import type { Line, Segment, Sender } from './line.js'
import { spoil } from './memory.js'
import { Queue } from './queue.js'
import type { Wire } from './wire.js'

/** Pending bytes from which `write` answers false, as in the system world. */
const WRITE_HIGH = 65_536

/** ms after `end` until a remote that neither reads nor closes is cut off, as in the system world. */
const LINGER = 5_000

const NOTHING: Uint8Array = new Uint8Array(0)

interface PendingWrite {
  readonly chunks: readonly Uint8Array[]
  chunk: number
  offset: number
  readonly sent: (() => void) | undefined
}

/** What a stream needs of its host. */
export interface StreamHost {
  readonly line: Line
  /** Open streams. */
  readonly streams: Set<VirtualStream>
  canReach(other: StreamHost): boolean
  /** True for an address that it had once and has not now. */
  lacks(ip: string): boolean
  /** Remembers a sender that cannot reach its remote, until the network is whole again. */
  stall(stream: VirtualStream): void
}

export class VirtualStream implements ByteStream, Sender {
  readonly transport = 'tcp'
  readonly remote: Address
  readonly local: Address
  readonly latency: number
  inLine = false
  readonly #wire: Wire
  readonly #host: StreamHost
  readonly #remoteHost: StreamHost
  #peer: VirtualStream | undefined

  readonly #writes: Queue<PendingWrite> = new Queue()
  readonly #sent: (() => void)[] = []
  #pending = 0
  readonly #segments: Queue<Segment> = new Queue()
  #buffered = 0
  #unacknowledged = 0
  readonly #acknowledged: Queue<{ readonly time: number; readonly bytes: number }> = new Queue()
  #windowFull = false
  #wake: Event | undefined
  #report: Event | undefined
  #held = false

  #listener: StreamListener | undefined
  readonly #received: Queue<Segment> = new Queue()
  #reading: Event | undefined
  #paused = false

  #ended = false
  #finSent = false
  #finReceived = false
  #closed = false
  #closing: Event | undefined
  #linger: Event | undefined
  #error: Error | undefined

  /** Both ends of a new connection: the dialling one first. */
  static pair(
    wire: Wire,
    from: { readonly host: StreamHost; readonly address: Address },
    to: { readonly host: StreamHost; readonly address: Address },
    latency: number,
  ): [VirtualStream, VirtualStream] {
    const dialled = new VirtualStream(wire, from.host, to.host, from.address, to.address, latency)
    const accepted = new VirtualStream(wire, to.host, from.host, to.address, from.address, latency)
    dialled.#peer = accepted
    accepted.#peer = dialled
    return [dialled, accepted]
  }

  private constructor(
    wire: Wire,
    host: StreamHost,
    remoteHost: StreamHost,
    local: Address,
    remote: Address,
    latency: number,
  ) {
    this.#wire = wire
    this.#host = host
    this.#remoteHost = remoteHost
    this.local = local
    this.remote = remote
    this.latency = latency
    host.streams.add(this)
  }

  get line(): Line {
    return this.#host.line
  }

  get remoteLine(): Line {
    return this.#remoteHost.line
  }

  get queued(): number {
    return this.#pending
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
    if (this.#closed) this.#wire.clock.at(0, () => listener.close(this.#error))
    else this.#readSoon()
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#ended || this.#closed) {
      if (sent) this.#wire.clock.at(0, sent)
      return false
    }
    for (const chunk of chunks) this.#pending += chunk.length
    this.#writes.push({ chunks, chunk: 0, offset: 0, sent })
    this.#fill()
    if (this.#pending >= WRITE_HIGH) this.#held = true
    return !this.#held
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#readSoon()
  }

  end(): void {
    if (this.#ended || this.#closed) return
    this.#ended = true
    this.#linger = this.#wire.clock.at(this.#wire.clock.now + LINGER, () => this.#close(undefined))
    // Unread, the remote's own end would never be seen.
    if (this.#paused || !this.#listener) this.#finReceived = true
    this.#fill()
  }

  destroy(): void {
    if (this.#closed || this.#closing) return
    this.#ended = true
    if (this.#received.length > 0) this.#resetRemote()
    else this.#pushFin()
    this.#closeSoon(undefined)
  }

  /** The connection breaks, as by a reset from outside: both ends learn it at once. */
  cut(code: string): void {
    this.#break(code)
    const peer = this.#peer
    if (peer) peer.#break(code)
  }

  // Sending ------------------------------------------------------------------------------------------

  get hasSegment(): boolean {
    return this.#segments.length > 0
  }

  take(): Segment | undefined {
    const first = this.#segments.first
    if (!first) return undefined
    if (!this.#isWhole()) {
      this.#host.stall(this)
      return undefined
    }
    this.#countAcknowledged()
    if (!first.fin && this.#unacknowledged >= this.#wire.window) {
      this.#windowFull = true
      this.#wakeLater()
      return undefined
    }
    this.#segments.shift()
    this.#unacknowledged += first.length
    this.#buffered -= first.length
    this.#fill()
    return first
  }

  /** The network is whole again. */
  unstall(): void {
    this.line.ready(this)
  }

  /** Whether packets pass between both ends. */
  #isWhole(): boolean {
    if (this.#host.lacks(this.local.host) || this.#remoteHost.lacks(this.remote.host)) return false
    return this.#host.canReach(this.#remoteHost)
  }

  #countAcknowledged(): void {
    const { now } = this.#wire.clock
    for (;;) {
      const first = this.#acknowledged.first
      if (!first || first.time > now) return
      this.#unacknowledged -= first.bytes
      this.#acknowledged.shift()
    }
  }

  #acknowledge(bytes: number): void {
    this.#acknowledged.push({ time: this.#wire.clock.now + this.latency, bytes })
    if (this.#windowFull) this.#wakeLater()
  }

  #wakeLater(): void {
    const first = this.#acknowledged.first
    if (!first || this.#wake) return
    this.#wake = this.#wire.clock.at(
      first.time,
      () => {
        this.#wake = undefined
        this.#windowFull = false
        this.line.ready(this)
      },
      true,
    )
  }

  /** Moves pending bytes into the send buffer, then the end of the stream when nothing is left. */
  #fill(): void {
    const { memory, sendBuffer } = this.#wire
    for (;;) {
      const write = this.#writes.first
      if (!write) break
      const chunk = write.chunks[write.chunk]
      if (!chunk) {
        this.#writes.shift()
        if (write.sent) this.#sent.push(write.sent)
        if (write.sent || this.#held) this.#reportSoon()
        continue
      }
      const rest = chunk.length - write.offset
      if (rest === 0) {
        write.chunk++
        write.offset = 0
        continue
      }
      if (this.#buffered >= sendBuffer) break
      let segment = this.#segments.last
      if (!segment || segment.length === segment.buffer.length) {
        const size = Math.min(this.#pending, this.line.segment, this.remoteLine.segment)
        segment = { buffer: memory.take(size), start: 0, length: 0, fin: false }
        this.#segments.push(segment)
      }
      const bytes = Math.min(rest, segment.buffer.length - segment.length)
      segment.buffer.set(chunk.subarray(write.offset, write.offset + bytes), segment.length)
      segment.length += bytes
      write.offset += bytes
      this.#pending -= bytes
      this.#buffered += bytes
    }
    if (this.#ended && this.#writes.length === 0) {
      this.#pushFin()
      if (this.#finReceived) this.#closeSoon(undefined)
    }
    if (this.#segments.length > 0 && !this.#windowFull) this.line.ready(this)
  }

  #pushFin(): void {
    if (this.#finSent) return
    this.#finSent = true
    this.#segments.push({ buffer: NOTHING, start: 0, length: 0, fin: true })
    this.line.ready(this)
  }

  /** Calls the writers whose bytes are on their way, and tells a held one to go on. */
  #reportSoon(): void {
    this.#report ??= this.#wire.clock.at(0, () => {
      this.#report = undefined
      for (const sent of this.#sent.splice(0)) sent()
      if (this.#held && this.#pending === 0 && !this.#closing && !this.#closed) {
        this.#held = false
        this.#listener?.drain()
      }
    })
  }

  // Receiving ----------------------------------------------------------------------------------------

  deliver(segment: Segment): void {
    const peer = this.#peer
    if (peer) peer.#arrived(segment)
  }

  #arrived(segment: Segment): void {
    if (this.#closed || this.#closing) {
      this.#release(segment)
      // As a real system answers bytes for a socket that is gone.
      if (!segment.fin) this.#resetRemote()
      return
    }
    this.#received.push(segment)
    if (!this.#reading) this.#read()
  }

  #readSoon(): void {
    if (this.#received.length === 0 || this.#paused) return
    this.#reading ??= this.#wire.clock.at(0, () => {
      this.#reading = undefined
      this.#read()
    })
  }

  #read(): void {
    const listener = this.#listener
    const { memory, random, fragment, digest } = this.#wire
    if (!listener) return
    while (!this.#paused && !this.#closing && !this.#closed) {
      const segment = this.#received.first
      if (!segment) return
      if (segment.fin) {
        this.#received.shift()
        this.#finReceived = true
        this.#ended = true
        this.#fill()
        return
      }
      const rest = segment.length - segment.start
      const bytes = random.happens(fragment) ? 1 + Math.floor(random.fraction() * rest) : rest
      if (bytes === rest) this.#received.shift()
      const chunk = segment.buffer.subarray(segment.start, segment.start + bytes)
      segment.start += bytes
      digest.bytes(chunk)
      this.#trace('data', bytes)
      listener.data(chunk)
      spoil(chunk)
      if (bytes === rest) {
        memory.giveBack(segment.buffer)
        if (this.#peer) this.#peer.#acknowledge(segment.length)
      }
    }
  }

  #release(segment: Segment): void {
    if (segment.fin) return
    spoil(segment.buffer.subarray(0, segment.length))
    this.#wire.memory.giveBack(segment.buffer)
  }

  // Closing ------------------------------------------------------------------------------------------

  /** Drops what is not sent yet and tells the remote. */
  #resetRemote(): void {
    this.#dropSegments()
    const peer = this.#peer
    if (!peer || peer.#closed || !this.#isWhole()) return
    this.#wire.clock.at(this.#wire.clock.now + this.latency, () => peer.#break('ECONNRESET'), true)
  }

  #break(code: string): void {
    if (this.#closed || this.#closing) return
    this.#ended = true
    this.#dropSegments()
    const { host, port } = this.remote
    this.#closeSoon(new RarestError(code as ErrorCode, `the connection to ${host}:${port} broke`))
  }

  #dropSegments(): void {
    this.#finSent = true
    for (const segment of this.#segments.drain()) this.#release(segment)
    this.#buffered = 0
  }

  #closeSoon(error: Error | undefined): void {
    this.#closing ??= this.#wire.clock.at(0, () => this.#close(error))
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#ended = true
    this.#error = error
    const { clock } = this.#wire
    for (const event of [this.#closing, this.#linger, this.#report, this.#reading]) {
      if (event) clock.cancel(event)
    }
    this.#host.streams.delete(this)
    for (const segment of this.#received.drain()) this.#release(segment)
    for (const write of this.#writes.drain()) if (write.sent) this.#sent.push(write.sent)
    this.#pending = 0
    this.#pushFin()
    this.#trace('close', 0)
    for (const sent of this.#sent.splice(0)) sent()
    this.#listener?.close(error)
  }

  #trace(kind: 'data' | 'close', bytes: number): void {
    const { trace, clock } = this.#wire
    if (!trace) return
    trace({ time: clock.now, kind, from: addressKey(this.remote), to: addressKey(this.local), bytes })
  }
}
