/**
 * uTP endpoints on a simulated link: delay, bandwidth, a bounded queue, loss, duplicates, reordering and
 * a largest datagram, in virtual time and from a seed.
 */
import type { Address } from '../../src/util/address.js'
import type { Random } from '../../src/util/random.js'
import { UtpEndpoint } from '../../src/utp/endpoint.js'
import type { UtpCloseCode, UtpConnection, UtpOptions } from '../../src/utp/types.js'
import { seededRandom } from './random.js'

export interface PipeOptions {
  /** ms from the end of sending to arrival; default 10. */
  readonly delay?: number
  /** Bytes a second; default unlimited. */
  readonly rate?: number
  /** Bytes that may wait before the link; default unlimited. */
  readonly buffer?: number
  /** Chances of a datagram. */
  readonly loss?: number
  readonly duplicate?: number
  /** Further ms of delay, up to this, drawn for each datagram: overtaking included. */
  readonly jitter?: number
  /** Longer datagrams vanish. */
  readonly mtu?: number
}

/** IP and UDP headers, counted against rate and buffer. */
const HEADERS = 28

/** Runs calls in the order of their time. */
export class Clock {
  now = 1000
  readonly #heap: { readonly at: number; readonly order: number; readonly call: () => void }[] = []
  #order = 0

  at(time: number, call: () => void): void {
    const heap = this.#heap
    const entry = { at: Math.max(time, this.now), order: this.#order++, call }
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const above = (i - 1) >> 1
      if (before(heap[above]!, entry)) break
      heap[i] = heap[above]!
      i = above
    }
    heap[i] = entry
  }

  /** Runs until `done` or until `limit` ms have passed; whether it was done. */
  run(done: () => boolean, limit: number): boolean {
    const end = this.now + limit
    while (!done()) {
      const first = this.#heap[0]
      if (first === undefined || first.at > end) {
        this.now = end
        return done()
      }
      this.#pop()
      this.now = first.at
      first.call()
    }
    return true
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let below = 2 * i + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++
      if (before(last, heap[below]!)) break
      heap[i] = heap[below]!
      i = below
    }
    heap[i] = last
  }
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** One direction of a link, shared by all whose way leads over it. */
export class Pipe {
  options: PipeOptions
  readonly clock: Clock
  readonly random: Random
  /** Datagrams offered, lost by chance, refused by the full queue, too long. */
  offered = 0
  lost = 0
  overflowed = 0
  tooLong = 0
  /** Bytes that passed, headers included. */
  passed = 0
  #busyUntil = 0

  constructor(clock: Clock, random: Random, options: PipeOptions) {
    this.clock = clock
    this.random = random
    this.options = options
  }

  /** ms that a datagram offered now would wait. */
  get queueing(): number {
    return Math.max(0, this.#busyUntil - this.clock.now)
  }

  send(length: number, arrive: () => void): void {
    const { rate, buffer, loss, duplicate, jitter, mtu, delay = 10 } = this.options
    const { now } = this.clock
    this.offered++
    if (mtu !== undefined && length > mtu) {
      this.tooLong++
      return
    }
    let leaves = now
    if (rate !== undefined) {
      const waiting = Math.max(0, this.#busyUntil - now)
      if (buffer !== undefined && (waiting * rate) / 1000 + length + HEADERS > buffer && waiting > 0) {
        this.overflowed++
        return
      }
      leaves = now + waiting + ((length + HEADERS) * 1000) / rate
      this.#busyUntil = leaves
    }
    if (loss !== undefined && this.happens(loss)) {
      this.lost++
      return
    }
    this.passed += length + HEADERS
    const copies = duplicate !== undefined && this.happens(duplicate) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const more = jitter === undefined ? 0 : (this.random.uint32() / 0x1_0000_0000) * jitter
      this.clock.at(leaves + delay + more, arrive)
    }
  }

  happens(chance: number): boolean {
    return this.random.uint32() < chance * 0x1_0000_0000
  }
}

/** What an application does with one connection; fields are read by the tests. */
export class Side {
  readonly connection: UtpConnection
  readonly host: Host
  connected = false
  ended = false
  closed = false
  code: UtpCloseCode | undefined
  received = 0
  /** First byte that is not what the other side wrote, -1 while all are. */
  wrongAt = -1
  toSend = 0
  written = 0
  endWhenSent = false
  paused = false
  /** Ends its own direction when the other has ended and all is written. */
  endWithRemote = true
  /** Sizes of writes, repeated; default as much as fits. */
  writes: readonly number[] = []
  #nextWrite = 0

  constructor(host: Host, connection: UtpConnection) {
    this.host = host
    this.connection = connection
  }

  /** Sends this many more bytes of the pattern. */
  send(bytes: number, end = false): void {
    this.toSend += bytes
    this.endWhenSent ||= end
    this.push()
    this.host.flush()
  }

  end(): void {
    this.endWhenSent = true
    this.push()
    this.host.flush()
  }

  resume(): void {
    this.paused = false
    this.pull()
    this.host.flush()
  }

  push(): void {
    const { now } = this.host.clock
    while (this.toSend > 0 && !this.closed) {
      const size = this.writes.length > 0 ? this.writes[this.#nextWrite++ % this.writes.length]! : 65_536
      const from = this.written % PERIOD
      const count = Math.min(size, this.toSend, PERIOD)
      const taken = this.connection.write(PATTERN, from, from + count, now)
      this.written += taken
      this.toSend -= taken
      if (taken < count) break
    }
    if (this.toSend === 0 && this.endWhenSent) this.connection.end(now)
  }

  pull(): void {
    const { now } = this.host.clock
    while (!this.paused) {
      const chunk = this.connection.read(now)
      if (chunk === undefined) return
      for (let at = 0; at < chunk.length && this.wrongAt < 0; ) {
        const from = (this.received + at) % PERIOD
        const count = Math.min(chunk.length - at, PERIOD)
        const wanted = PATTERN.subarray(from, from + count)
        if (Buffer.compare(wanted, chunk.subarray(at, at + count)) !== 0) this.wrongAt = this.received + at
        at += count
      }
      this.received += chunk.length
    }
  }
}

/** What all sides write, over and over: an odd period, so that shifted or swapped packets show. */
const PERIOD = 65_537
const PATTERN = Uint8Array.from(
  { length: 2 * PERIOD },
  (_, i) => ((i % PERIOD) * 167 + ((i % PERIOD) >> 8)) & 255,
)

/** A machine with one endpoint. */
export class Host {
  readonly clock: Clock
  readonly endpoint: UtpEndpoint
  readonly address: Address
  readonly sides: Side[] = []
  readonly #network: Network
  readonly #byConnection = new Map<UtpConnection, Side>()
  #turnEnds = false
  #wake = Number.POSITIVE_INFINITY
  /** ms that its clock runs ahead of the true one, and how much faster it runs. */
  clockAhead = 0
  clockDrift = 0
  onIncoming: (side: Side) => void = () => {}

  constructor(network: Network, address: Address, options: Partial<UtpOptions>) {
    this.clock = network.clock
    this.#network = network
    this.address = address
    this.endpoint = new UtpEndpoint({ random: network.random, now: this.now, ...options })
  }

  /** What its own clock shows. */
  get now(): number {
    return this.clock.now * (1 + this.clockDrift) + this.clockAhead
  }

  connect(to: Host): Side {
    const side = this.#side(this.endpoint.connect(to.address, this.now))
    this.flush()
    return side
  }

  receive(bytes: Uint8Array, from: Address): void {
    this.endpoint.receive(bytes, from, this.now)
    this.#endTurn()
  }

  #endTurn(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.clock.at(this.clock.now, () => {
      this.#turnEnds = false
      if (this.endpoint.endOfTurn(this.now)) this.#endTurn()
      this.flush()
    })
  }

  /** Drains events and datagrams, and sets the one timer. */
  flush(): void {
    for (let event = this.endpoint.poll(); event !== undefined; event = this.endpoint.poll()) {
      const side = this.#side(event.connection)
      if (event.type === 'incoming') {
        side.connected = true
        this.sides.push(side)
        this.onIncoming(side)
      } else if (event.type === 'connected') side.connected = true
      else if (event.type === 'readable') side.pull()
      else if (event.type === 'writable') side.push()
      else if (event.type === 'end') {
        side.ended = true
        if (side.endWithRemote) {
          side.endWhenSent = true
          side.push()
        }
      } else {
        side.closed = true
        side.code = event.code
        this.#byConnection.delete(event.connection)
      }
    }
    for (
      let out = this.endpoint.transmit(this.now);
      out !== undefined;
      out = this.endpoint.transmit(this.now)
    )
      this.#network.send(this, out.bytes, out.to)
    this.#arm()
  }

  #arm(): void {
    const next = this.endpoint.nextTimeout()
    if (next >= this.#wake) return
    this.#wake = next
    // A little late rather than early: it would wake again and again at the same time.
    this.clock.at(this.clock.now + (next - this.now) / (1 + this.clockDrift) + 1e-3, () => {
      if (this.#wake !== next) return
      this.#wake = Number.POSITIVE_INFINITY
      this.endpoint.timeout(this.now)
      this.flush()
    })
  }

  #side(connection: UtpConnection): Side {
    let side = this.#byConnection.get(connection)
    if (side === undefined) {
      side = new Side(this, connection)
      this.#byConnection.set(connection, side)
    }
    return side
  }
}

/** Hosts, and the pipes between them. */
export class Network {
  readonly clock: Clock = new Clock()
  readonly random: Random
  readonly #hosts = new Map<string, Host>()
  readonly #pipes = new Map<Host, Pipe>()
  /** Sees, and may change or swallow (undefined), each datagram before it enters its pipe. */
  tamper: (bytes: Uint8Array, from: Host) => Uint8Array | undefined = (bytes) => bytes

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  pipe(options: PipeOptions): Pipe {
    return new Pipe(this.clock, this.random, options)
  }

  /** A host, all of whose datagrams leave by `pipe`. */
  host(pipe: Pipe, options: Partial<UtpOptions> = {}, family: 4 | 6 = 4): Host {
    const number = this.#hosts.size + 1
    const host = new Host(
      this,
      { host: family === 4 ? `10.0.0.${number}` : `fd00::${number}`, port: 6881 },
      options,
    )
    this.#hosts.set(host.address.host, host)
    this.#pipes.set(host, pipe)
    return host
  }

  send(from: Host, bytes: Uint8Array, to: Address): void {
    const target = this.#hosts.get(to.host)
    const sent = this.tamper(bytes, from)
    if (sent === undefined) return
    const copy = sent.slice()
    this.#pipes.get(from)!.send(copy.length, () => {
      if (target === undefined) return
      // Lent for the call only, as by a socket.
      const lent = copy.slice()
      target.receive(lent, from.address)
      lent.fill(0xee)
    })
  }

  run(done: () => boolean, limit: number): boolean {
    return this.clock.run(done, limit)
  }

  checkInvariants(): void {
    for (const host of this.#hosts.values()) host.endpoint.checkInvariants()
  }
}

/** Two hosts with a pipe each way. */
export function twoHosts(
  seed: number,
  there: PipeOptions,
  back: PipeOptions = there,
  options: Partial<UtpOptions> = {},
): { network: Network; a: Host; b: Host; there: Pipe; back: Pipe } {
  const network = new Network(seed)
  const pipes = { there: network.pipe(there), back: network.pipe(back) }
  return { network, a: network.host(pipes.there, options), b: network.host(pipes.back, options), ...pipes }
}
