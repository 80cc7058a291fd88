/**
 * All uTP connections of one datagram path (BEP 29), without sockets: the driver hands in datagrams and
 * time and drains what is to be sent and told.
 *
 *   receive(...)   for each datagram of a turn of the event loop
 *   endOfTurn(now) once after them: acknowledgements are joined, readers are told
 *   timeout(now)   when the clock has reached nextTimeout()
 *
 * After endOfTurn, timeout and commands: poll() until undefined, then transmit() until undefined.
 * @module
 */

import type { Address } from '../util/address.js'
import { below, type Random } from '../util/random.js'
import { Connection, LINGERING, SYN_RECEIVED } from './connection.js'
import { ConnectionTable } from './connection-table.js'
import { Deadlines } from './deadlines.js'
import type { EndpointContext } from './endpoint-context.js'
import { Header, readHeader, ST_RESET, ST_SYN } from './packet.js'
import { MAX_DATAGRAM, Memory } from './packet-pool.js'
import { Resets } from './resets.js'
import type { UtpConnection, UtpDatagram, UtpEvent, UtpOptions } from './types.js'

/** libutp's cap. */
const MAX_CONNECTIONS = 3000
const RECEIVE_BUFFER = 4_194_304
const RECEIVE_BUDGET = 67_108_864
const SEND_BUFFER = 4_194_304
/** Of `maxConnections`, how many may be unconfirmed SYNs: a spoofed flood leaves room for the others. */
const UNCONFIRMED_SHARE = 4
/** Packets of one connection before the next has its turn. */
const BURST = 16
/** Ids tried before a remote counts as full. */
const ID_ATTEMPTS = 64

/** Counters of an endpoint. */
export interface UtpEndpointStats {
  /** Connections that exist, lingering and unconfirmed ones included. */
  readonly connections: number
  readonly unconfirmed: number
  /** SYNs that were ignored, and RESETs sent to unknown senders. */
  readonly refused: number
  readonly resets: number
  /** Packets of connections that we do not know. */
  readonly unknown: number
}

export class UtpEndpoint {
  readonly #random: Random
  #maxConnections: number
  readonly #accept: (from: Address) => boolean
  private readonly connections: ConnectionTable = new ConnectionTable()
  private readonly deadlines: Deadlines<Connection> = new Deadlines()
  private readonly resets: Resets
  private readonly header: Header = new Header()
  private readonly out: { bytes: Uint8Array; to: Address }
  /** Unconfirmed incoming and lingering connections, oldest first: these make room for others. */
  private readonly unconfirmed: Set<Connection> = new Set()
  private readonly lingering: Set<Connection> = new Set()
  private senders: Connection[] = []
  private sending = 0
  private burst = 0
  private turn: Connection[] = []
  private readonly events: UtpEvent[] = []
  private polled = 0
  private time: number
  private readonly context: EndpointContext<Connection>
  private refused = 0
  private answered = 0
  private unknown = 0

  /** Throws RangeError for a limit that is no positive number. */
  constructor(options: UtpOptions) {
    this.#random = options.random
    this.#maxConnections = positive('maxConnections', options.maxConnections ?? MAX_CONNECTIONS)
    this.#accept = options.accept ?? (() => true)
    this.time = options.now
    this.resets = new Resets(options.now)
    const scratch = new Uint8Array(MAX_DATAGRAM)
    this.out = { bytes: scratch, to: { host: '', port: 0 } }
    this.context = {
      memory: new Memory(positive('receiveBudget', options.receiveBudget ?? RECEIVE_BUDGET)),
      sendBuffer: positive('sendBuffer', options.sendBuffer ?? SEND_BUFFER),
      receiveBuffer: positive('receiveBuffer', options.receiveBuffer ?? RECEIVE_BUFFER),
      maxDatagram: Math.min(positive('maxDatagram', options.maxDatagram ?? MAX_DATAGRAM), MAX_DATAGRAM),
      scratch,
      activate: (connection) => {
        if (connection.active) return
        connection.active = true
        this.senders.push(connection)
      },
      touch: (connection) => {
        if (connection.touched) return
        connection.touched = true
        this.turn.push(connection)
      },
      schedule: (connection) => this.deadlines.update(connection),
      emit: (event) => {
        this.events.push(event)
      },
      confirmed: (connection) => {
        this.unconfirmed.delete(connection)
        this.events.push({ type: 'incoming', connection })
      },
      closed: (connection, reset) => {
        if (connection.state === LINGERING) this.lingering.add(connection)
        if (!reset) return
        const { remote, sendId, sender, lastHeard } = connection
        this.resets.push(remote, sendId, sender.buffer.unsent, lastHeard, this.time)
      },
      forget: (connection) => {
        this.deadlines.remove(connection)
        this.unconfirmed.delete(connection)
        this.lingering.delete(connection)
        this.connections.remove(connection)
      },
    }
  }

  /** Connections at most. Lowered: those that are there stay. Throws RangeError for what is no positive number. */
  get maxConnections(): number {
    return this.#maxConnections
  }

  set maxConnections(count: number) {
    this.#maxConnections = positive('maxConnections', count)
  }

  get stats(): UtpEndpointStats {
    return {
      connections: this.connections.size,
      unconfirmed: this.unconfirmed.size,
      refused: this.refused,
      resets: this.answered,
      unknown: this.unknown,
    }
  }

  /** Opens a connection; `'connected'` or `'closed'` follows. Writing may begin at once. */
  connect(to: Address, now: number): UtpConnection {
    this.time = now
    const remote = { host: to.host, port: to.port }
    const id = this.freeId(remote)
    const syn = below(this.#random, 0x10000)
    const room = id !== undefined && this.makeRoom()
    const connection = new Connection(this.context, remote, false, id ?? 0, syn, (syn + 1) & 0xffff, now)
    if (room) this.connections.add(connection)
    else connection.close('utp/too-many-connections', false)
    return connection
  }

  /**
   * Takes a datagram. False: it is no uTP packet, another protocol may want it. The bytes are lent for the call.
   */
  receive(bytes: Uint8Array, from: Address, now: number): boolean {
    const { header } = this
    if (!readHeader(bytes, header)) return false
    this.time = now
    if (header.type === ST_SYN) {
      this.receiveSyn(from, bytes, now)
      return true
    }
    let connection = this.connections.find(from, header.id)
    if (connection === undefined && header.type === ST_RESET) connection = this.findBySendId(from, header.id)
    if (connection !== undefined) connection.receive(header, bytes, now)
    else if (header.type !== ST_RESET) {
      this.unknown++
      if (this.resets.answer(header, from, now)) this.answered++
    }
    return true
  }

  /**
   * Ends a turn of the event loop in which datagrams arrived. True when the next turn is to be ended too, whether or
   * not it brings anything: more seems to be waiting, and one acknowledgement will do for all of it.
   */
  endOfTurn(now: number): boolean {
    this.time = now
    const { turn } = this
    let waiting = 0
    for (const connection of turn) {
      connection.touched = connection.endOfTurn(now)
      if (connection.touched) turn[waiting++] = connection
    }
    turn.length = waiting
    return waiting > 0
  }

  /** The clock has reached {@link UtpEndpoint.nextTimeout}. */
  timeout(now: number): void {
    this.time = now
    for (;;) {
      const connection = this.deadlines.due(now)
      if (connection === undefined) return
      connection.timeout(now)
    }
  }

  /** ms, Infinity when there is nothing to wait for. May be early, never late. */
  nextTimeout(): number {
    return this.deadlines.next()
  }

  /** The next datagram to send, or undefined. The object is reused, its bytes are lent until the next call. */
  transmit(now: number): UtpDatagram | undefined {
    this.time = now
    const { out } = this
    if (this.resets.shift(out, now)) return out
    while (this.sending < this.senders.length) {
      const connection = this.senders[this.sending] as Connection
      const bytes = this.burst < BURST ? connection.transmit(now) : undefined
      if (bytes !== undefined) {
        this.burst++
        out.bytes = bytes
        out.to = connection.remote
        return out
      }
      this.sending++
      // After a burst others have their turn, then this one again.
      if (this.burst >= BURST) this.senders.push(connection)
      else connection.active = false
      this.burst = 0
      if (this.sending >= 64 && 2 * this.sending >= this.senders.length) {
        this.senders = this.senders.slice(this.sending)
        this.sending = 0
      }
    }
    this.senders.length = 0
    this.sending = 0
    return undefined
  }

  /** The next event, or undefined. */
  poll(): UtpEvent | undefined {
    const event = this.events[this.polled]
    if (event !== undefined) {
      this.polled++
      return event
    }
    this.events.length = 0
    this.polled = 0
    return undefined
  }

  /** Ends all connections with a RESET, and forgets the lingering ones. */
  close(now: number): void {
    this.time = now
    for (const connection of [...this.connections.all()]) {
      if (connection.state === LINGERING || connection.state === SYN_RECEIVED) connection.drop()
      else connection.close('utp/destroyed', true)
    }
  }

  /** Throws when buffers or counts contradict each other. For tests. */
  checkInvariants(): void {
    for (const connection of this.connections.all()) connection.checkInvariants()
  }

  private receiveSyn(from: Address, bytes: Uint8Array, now: number): void {
    const { header } = this
    const id = (header.id + 1) & 0xffff
    const existing = this.connections.find(from, id)
    if (existing !== undefined) {
      existing.receive(header, bytes, now)
      return
    }
    if (!this.#accept(from) || !this.makeRoom()) {
      this.refused++
      return
    }
    // The oldest unconfirmed one is the likeliest to be spoofed.
    if (this.unconfirmed.size >= Math.max(1, this.#maxConnections / UNCONFIRMED_SHARE))
      this.dropOldest(this.unconfirmed)
    const remote = { host: from.host, port: from.port }
    const seq = below(this.#random, 0x10000)
    const connection = new Connection(this.context, remote, true, header.id, header.seq, seq, now)
    this.connections.add(connection)
    this.unconfirmed.add(connection)
    connection.receive(header, bytes, now)
  }

  /** A RESET may carry the id that its sender received or the one that it sent. */
  private findBySendId(from: Address, id: number): Connection | undefined {
    const before = this.connections.find(from, (id - 1) & 0xffff)
    if (before?.sendId === id) return before
    const after = this.connections.find(from, (id + 1) & 0xffff)
    return after?.sendId === id ? after : undefined
  }

  /** False when there are as many connections as may be, none of which can go. */
  private makeRoom(): boolean {
    if (this.connections.size < this.#maxConnections) return true
    return this.dropOldest(this.lingering) || this.dropOldest(this.unconfirmed)
  }

  private dropOldest(among: Set<Connection>): boolean {
    const oldest = among.values().next().value
    if (oldest === undefined) return false
    oldest.drop()
    return true
  }

  private freeId(remote: Address): number | undefined {
    for (let attempt = 0; attempt < ID_ATTEMPTS; attempt++) {
      const id = below(this.#random, 0x10000)
      if (this.connections.find(remote, id) === undefined) return id
    }
    return undefined
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value
  throw new RangeError(`${name} must be a positive number, got ${value}`)
}
